"""The pages of a server: a form for each served model."""

from lite_mlops.web.pages.form import form_routes
from lite_mlops.web.pages.rows import first_row

__all__ = ["first_row", "form_routes"]
