"""How a text is named where only a short name fits: in names of objects, in tokens, and to tell texts apart."""

import hashlib


def digest(text: str) -> str:
    """Name a text by 16 hex digits; a lone surrogate, which JSON admits, is part of it like any other character."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
