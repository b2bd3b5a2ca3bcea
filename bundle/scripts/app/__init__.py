"""``cxr-attention-sr serve``: a page of this computer that predicts the films that are dropped on it.

``request_guard``   sender, address and token of each request; headers of each answer
``film_batch``      films that a user sends together, and their results
``batch_queue``     predicts the batches one after another, and removes what is no longer used
``uploads``         request -> file in a private folder
``drop_page``       the page on which films are dropped
``server``          routes of the page
``serve_command``   the subcommand ``serve``
"""
