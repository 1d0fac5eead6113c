"""The base of the console's tables."""

from sqlmodel import MetaData, SQLModel


class Table(SQLModel):
    """Tables of this service's own database."""

    metadata = MetaData()
