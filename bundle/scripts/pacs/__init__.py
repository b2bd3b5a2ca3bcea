"""Studies from a PACS and results back to it, in the order of the flow. Needs the extra ``pacs``.

``refusals``  what goes wrong with a PACS, by code, and which of it is tried again
``deadline``  connections on which a request and its answer have one deadline
``exchange``  one request and its answer: where it goes, and how many bytes and parts come back
``session``   URL, TLS and credentials of a DICOMweb server -> HTTP session
``dicomweb``  QIDO-RS, WADO-RS, STOW-RS: find, fetch, store
``outbox``    films of one study -> its result objects in a folder that is there as a whole or not at all
``journal``   which studies are done, by a salted hash of their UID; why others are not
``relay``     polls an archive: every new study gets its results once
``limited_socket``  a socket of DICOM's upper layer with limits of size and time
``dimse``     C-STORE, for a PACS without DICOMweb: send
``receive``   films that are sent to us -> results to a peer
``listener``  who may send them, how many at a time, and how much
``single``    one study by its UID, for ``predict``
``commands``  the subcommands ``watch`` and ``receive``
"""

import logging

# Their messages hold URLs, UIDs and traces.
for name in ("dicomweb_client", "pynetdicom", "retrying", "urllib3"):
    logging.getLogger(name).setLevel(logging.CRITICAL)
