"""``predictions.html``: the page that shows the predictions of a run, in the order of the flow.

``film_record``         prediction -> what the page says about a film
``film_pictures``       prediction -> radiograph, maps and regions as JPEG and PNG
``gallery_page``        records and pictures -> one HTML page
``prediction_gallery``  the page of an output folder, film by film
"""
