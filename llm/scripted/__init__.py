"""A model that plays a script over the real wire protocols, for tests and the demo; it says that it is scripted."""
