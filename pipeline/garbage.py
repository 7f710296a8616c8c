"""How often Python searches what is alive for garbage."""

import gc

SELDOM = 100


def search_seldom() -> None:
    """Search what has long been there a tenth as often as Python would; what is young as often as ever.

    For a program or a worker at its start. Torch and diffusers are half a million objects that stay: to search them over and
    over takes a sixth of the time in which they are loaded.
    """
    young, older, _ = gc.get_threshold()
    gc.set_threshold(young, older, SELDOM)
