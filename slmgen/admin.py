"""Makes Django's autodiscovery load `slmgen.site.admin`."""

from slmgen.site import admin

__all__ = ["admin"]
