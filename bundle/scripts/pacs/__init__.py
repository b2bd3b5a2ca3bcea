"""Studies from a PACS and results back to it, in the order of the flow. Needs the extra ``pacs``.

``refusals``        errors of a PACS by code; repeats a request while the server does not answer
``deadline``        HTTP connections with one deadline for a request and its response
``exchange``        HTTP session that is bound to one server and limits the size of responses
``multipart``       multipart response -> its parts
``session``         URL, TLS and credentials of a DICOMweb server -> HTTP session
``dicom_json``      values of DICOM JSON, each read on its own
``paged_search``    results of a search, page by page
``fetched_image``   checks a fetched film and writes its file
``dicomweb``        QIDO-RS, WADO-RS and STOW-RS: find, fetch, store
``day_pages``       pages that show the predictions of ``watch``, one a day
``outbox``          films of one study -> its result objects, in a folder that is complete or does not exist
``journal``         state of each study, and the reasons of failures; studies are identified by a salted hash
``relay``           predicts every new study and stores its results once
``limited_socket``  DICOM connection with limits of size and time
``dimse``           C-STORE to a peer
``receive``         received films -> inbox; results -> peer
``listener``        C-STORE and C-ECHO server: who may connect, and how many at a time
``single``          one study by its UID, for ``predict``
``commands``        the subcommands ``watch`` and ``receive``
"""

import logging

# Their messages contain URLs, UIDs and tracebacks.
for name in ("dicomweb_client", "pynetdicom", "retrying", "urllib3"):
    logging.getLogger(name).setLevel(logging.CRITICAL)
