"""Documents from templates."""

from pydantic import BaseModel, ConfigDict, Field


class TemplateInfo(BaseModel):
    """A template of documents."""

    name: str = Field(examples=["supervision_opinion"])
    name_zh: str
    name_en: str
    own: bool = Field(description="Whether the agency's own file takes the place of the platform's")
    of_cases: bool = Field(description="Whether it is filled in from a case")


class Given(BaseModel):
    """What a person writes into a document; what is left out is taken from the case, or left blank."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    number: str = Field("", max_length=100, description="Number of the document")
    to: str = Field("", max_length=200, description="To whom a lead is assigned")
    place: str = Field("", max_length=200, description="Where it was checked")
    address: str = Field("", max_length=200, description="The venue's address")
    responsible: str = Field("", max_length=100, description="Who is responsible at the venue")
    phone: str = Field("", max_length=100, description="Their telephone number")
    contact: str = Field("", max_length=200, description="Where the agency is reached")
    certificate_1: str = Field("", max_length=100, description="Certificate of the first officer")
    certificate_2: str = Field("", max_length=100, description="Certificate of the second officer")
