"""Words for views and body parts in headers and descriptions, in six languages.

Words are matched as words (``DISTRIBUTED`` does not contain a rib) in upper case and without accents. The languages are
English, German, French, Spanish, Italian and Portuguese.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

View = Literal["frontal", "lateral", "other", "several"]

# Values that state nothing.
_NOTHING = frozenset(
    "UNKNOWN UNK UNSPECIFIED UNDEFINED UNDEF NONE NULL NA N A NIL EMPTY BLANK DEFAULT OTHER OTHERS MISC MISCELLANEOUS "
    "ANY GENERAL GENERIC NOT SPECIFIED DEFINED APPLICABLE AVAILABLE PROVIDED STATED TBD "
    "UNBEKANNT KEINE KEINER ANDERE ANDERES SONSTIGE SONSTIGES "
    "INCONNU INCONNUE INDEFINI AUCUN AUCUNE AUTRE AUTRES "
    "DESCONOCIDO DESCONOCIDA INDEFINIDO INDEFINIDA NINGUNO NINGUNA OTRO OTRA OTROS "
    "SCONOSCIUTO SCONOSCIUTA INDEFINITO NESSUNO NESSUNA ALTRO ALTRA ALTRI "
    "DESCONHECIDO DESCONHECIDA NENHUM NENHUMA OUTRO OUTRA OUTROS".split()
)
_CHEST = frozenset(
    "CHEST THORAX LUNG LUNGS PULMON PULMONARY HEART RIB RIBS RIBCAGE CXR "
    "CHESTABDOMEN CHESTABDPELVIS NECKCHEST NECKCHESTABDOMEN THORAXABDOMEN "
    "BRUST BRUSTKORB LUNGE LUNGEN HERZ RIPPEN RIPPE POITRINE POUMON POUMONS COEUR COTES "
    "TORAX PECHO PULMONES CORAZON COSTILLAS TORACE PETTO POLMONE POLMONI CUORE COSTE "
    "PEITO PULMAO PULMOES CORACAO COSTELAS".split()
)
_FRONTAL = frozenset(
    "PA AP DV VD FRONTAL FRONTALE FRONTALES FRONTALI FRONTAIS FRONT FACE FRENTE CORONAL "
    "DORSOVENTRAL VENTRODORSAL".split()
)
_LATERAL = frozenset(
    "LATERAL LAT LATERALE LATERALES LATERALI LATERAIS LATR LATL RLAT LLAT LL RL LATEROLATERAL LATEROLATERALE "
    "SEITLICH SEITLICHE SEITLICHER SEITLICHES SEITL SEITENAUFNAHME SEITBILD PROFIL PROFILS PROFILO PROFILI "
    "PERFIL PERFILES PERFIS".split()
)
_RECUMBENT = frozenset("DECUBITUS DECUB DECUBITO DECUBITOS".split())
_SUPINE = frozenset("SUPINE SUPINO SUPINA DORSAL DORSALE PRONE PRONO PRONA VENTRAL VENTRALE".split())
_OTHER_VIEW = frozenset(
    "OBL OBLIQUE OBLIQUES OBLICUO OBLICUA OBLICUAS OBLIQUO OBLIQUA SCHRAG SCHRAGE SCHRAEG SCHRAEGE "
    "LAO RAO LPO RPO LLD RLD SEITENLAGE".split()
)
# Words beside a view that do not change it.
_BESIDE_VIEW = frozenset(
    "AND BEDSIDE ERECT EXPIRATION GRID INSPIRATION MOBILE PORTABLE SITTING STANDING UPRIGHT VIEW PROJECTION RX "
    "STEHEND LIEGEND SITZEND IM LIEGEN STEHEN AUFNAHME DEBOUT COUCHE ASSIS LIT DE PIE ACOSTADO SENTADO "
    "ORTOSTATISMO CLINOSTATISMO EM DEITADO".split()
)
# Words of ViewPosition and BodyPartExamined that a message may quote.
VIEW_WORDS = _FRONTAL | _LATERAL | _RECUMBENT | _SUPINE | _OTHER_VIEW | _BESIDE_VIEW
CHEST_WORDS = _CHEST
# Thoracic alone may be the spine.
_THORACIC = frozenset("THORACIC THORACIQUE TORACICA TORACICO".split())
_CAGE = frozenset("CAGE CAJA GABBIA CASSA CAIXA WALL PAROI PARED PARETE PAREDE".split())
_PAIRS = ("PA", "AP", "DV", "VD", "LL")


def words_of(text: str) -> list[str]:
    """Split a text into words of letters: upper case, no accents, abbreviations joined (``p.a.`` becomes ``PA``)."""
    decomposed = unicodedata.normalize("NFKD", text).replace("ß", "ss")
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter)).upper().replace("_", " ")
    plain = re.sub(r"\bPOSTER(?:O|IOR\w*)\W*ANTERI\w*", " PA ", plain)
    plain = re.sub(r"\bANTER(?:O|IOR\w*)\W*POSTERI\w*", " AP ", plain)
    plain = re.sub(r"\bLATERO\W*LATERAL\w*", " LL ", plain)
    plain = re.sub(r"\b([PADVL])(?:\.\s*|\s*[/\\-]\s*|\s)([PADVL])\b", _join_pair, plain)
    plain = re.sub(r"\b(CHEST|CXR|THORAX|TORAX|TORACE)(PA|AP|LAT|LL)\b", r"\1 \2", plain)
    return re.findall(r"[^\W\d_]+", plain)


def _join_pair(match: re.Match[str]) -> str:
    """Two single letters as one word if they name a view, else unchanged."""
    pair = match[1] + match[2]
    return pair if pair in _PAIRS else match[0]


def view_of(text: str | None) -> View | None:
    """View that a text names: ``several`` for a frontal and a lateral one, ``None`` for none."""
    words = set(words_of(text or ""))
    frontal, lateral = bool(words & _FRONTAL), bool(words & _LATERAL)
    # Supine films are frontal. The same words without a frontal view often mean a horizontal beam from the side.
    lies_on_the_side = bool(words & _RECUMBENT) and not (frontal and words & _SUPINE and not lateral)
    if words & _OTHER_VIEW or lies_on_the_side:
        return "other"
    if frontal:
        return "several" if lateral else "frontal"
    return "lateral" if lateral else None


def states_nothing(text: str | None, *, allowed: frozenset[str] = frozenset()) -> bool:
    """Whether a text has no words other than those for an unknown value and the allowed ones, or is a dash."""
    words = set(words_of(text or ""))
    return words <= _NOTHING | allowed if words else not (text or "").strip(" -./?*")


def states_no_view(text: str | None) -> bool:
    """Whether a value of ViewPosition (0018,5101) is absent, unknown, or only names the chest or a posture."""
    return states_nothing(text, allowed=_CHEST | _BESIDE_VIEW | _SUPINE)


def states_no_body_part(text: str | None) -> bool:
    """Whether a value of BodyPartExamined (0018,0015) is absent, unknown, or only names a view or a side."""
    return states_nothing(text, allowed=_FRONTAL - {"FACE", "FRONT"} | _LATERAL | _BESIDE_VIEW)


def names_chest(text: str | None) -> bool:
    """Whether a text names the chest or a part of it."""
    words = set(words_of(text or ""))
    return bool(words & _CHEST or (words & _THORACIC and words & _CAGE))
