"""Where Django looks for the admin."""

from slmgen.site import admin

__all__ = ["admin"]
