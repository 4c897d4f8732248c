"""What all tests share: properties have no deadline of their own (machines are shared), the runner's time-out holds."""

from hypothesis import settings

settings.register_profile("linkspan", deadline=None)
settings.load_profile("linkspan")
