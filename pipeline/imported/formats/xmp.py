"""XMP: what a program says of a picture in RDF, in a text of a PNG or beside the EXIF of others.

Source: Adobe, XMP specification part 1, sections 7.4 to 7.9 (a property is an attribute or an element of rdf:Description; of
texts in several languages, rdf:Alt, the first is the default).
"""

from xml.etree import ElementTree

NAME = "XML:com.adobe.xmp"
"""What Pillow calls it among the texts of a PNG."""
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def properties(xmp: str) -> dict[str, str]:
    """Name without its namespace -> text, of all properties that are a text; nothing where it is not XMP.

    A document type, which XMP does not have, could multiply the text by entities, and is not read.
    """
    if "<!DOCTYPE" in xmp or "<!ENTITY" in xmp:
        return {}
    try:
        root = ElementTree.fromstring(xmp.strip(" \0"))
    except (ElementTree.ParseError, ValueError):
        return {}
    found: dict[str, str] = {}
    rdf = next(root.iter(f"{_RDF}RDF"), root)
    for description in rdf.findall(f"{_RDF}Description"):  # those below are values of its properties
        found |= {_plain(name): value for name, value in description.attrib.items()}
        found |= {_plain(element.tag): value for element in description if (value := _text(element))}
    return found


def _plain(name: str) -> str:
    return name.rpartition("}")[2]


def _text(element: ElementTree.Element) -> str:
    first = element.find(f".//{_RDF}li")
    return (element.text if first is None else first.text) or ""
