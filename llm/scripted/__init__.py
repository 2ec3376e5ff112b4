"""A model that plays a script over the real wire protocols, and says that it is scripted."""
