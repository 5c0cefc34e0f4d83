"""Model cards: what is recorded of a version, and what people stated of it, to be shown around.

project.models.state("churn", purpose="Who leaves within 30 days.", license="Apache-2.0")
Path("card.html").write_text(project.models.card_text("churn@champion", "html"))
"""

from lite_mlops.models.cards.cards import Cards

__all__ = ["Cards"]
