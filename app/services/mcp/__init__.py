"""Our tools on one project for whoever has its token, over the Model Context Protocol."""
