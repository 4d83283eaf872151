"""The page: the site on one screen of a phone or a desk, in the words of ``edge status``. It only shows."""

from edge.web.page.routes import page_routes as page_routes
