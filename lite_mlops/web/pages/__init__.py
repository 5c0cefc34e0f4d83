"""The pages of a server: a form for each served model."""

from lite_mlops.web.pages.form import form_routes

__all__ = ["form_routes"]
