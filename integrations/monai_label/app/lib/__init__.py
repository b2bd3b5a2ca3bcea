"""Parts of the app.

``values``       types of the values that a request may contain
``routes``       routes that the server offers, with the type of each value
``bodies``       bodies of requests: read within limits, and written again from checked values
``guard``        middleware that checks sender, route and values of each request
``inference``    tasks ``/infer`` and ``/batch/infer``
``training``     task ``/train``
``uncertainty``  strategy that chooses the image to label next
"""
