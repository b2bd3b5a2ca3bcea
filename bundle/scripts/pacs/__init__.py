"""Studies from a PACS and results back to it, in the order of the flow. Needs the extra ``pacs``.

``refusals``        names of what goes wrong; repeats a request while the server is away
``deadline``        connections on which one deadline holds for a request and its answer
``exchange``        one request and its answer within limits: where it goes, and how much comes back
``session``         URL, TLS and credentials of a DICOMweb server -> HTTP session
``dicomweb``        QIDO-RS, WADO-RS and STOW-RS: find, fetch, store
``outbox``          films of one study -> its result objects, in a folder that is there as a whole or not at all
``journal``         which studies are done, by a salted hash of their UID; why others are not
``relay``           every new study gets its results once
``limited_socket``  a DICOM connection within limits of size and time
``dimse``           C-STORE to a peer
``receive``         films that are sent to us -> inbox; results to a peer
``listener``        listens for films: who may connect, and how many
``single``          one study by its UID, for ``predict``
``commands``        the subcommands ``watch`` and ``receive``
"""

import logging

# Their messages hold URLs, UIDs and traces.
for name in ("dicomweb_client", "pynetdicom", "retrying", "urllib3"):
    logging.getLogger(name).setLevel(logging.CRITICAL)
