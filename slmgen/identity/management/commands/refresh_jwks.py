from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slmgen.identity.jwks import FetchFailed, KeyCache, fetcher
from slmgen.identity.tokens import jwks_url


class Command(BaseCommand):
    help = "Fetches the issuer's key set and prints the ids of its keys."

    def handle(self, *args: Any, **options: Any) -> None:
        url = jwks_url()
        if not url:
            raise CommandError("No key set is configured; set SUPABASE_URL.")
        try:
            keys = KeyCache(fetcher(url)).refresh()
        except FetchFailed as error:
            raise CommandError(f"The key set cannot be had: {error}") from error
        for kid in keys:
            self.stdout.write(kid)
