"""Lists as bare arrays, for front ends that read them so: the cursor goes into a `Link` header."""

import json
from collections.abc import Mapping
from http import HTTPMethod, HTTPStatus

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from app.settings import FrontEnd

PROFILE = "profile=bare"
LISTS: Mapping[str, str] = {
    "/api/projects": "projects",
    "/api/projects/{project_id}/conversations": "conversations",
    "/api/projects/{project_id}/files": "files",
    "/api/conversations/{conversation_id}/messages": "messages",
}


def in_wanted_form(request: Request, route: str, response: Response) -> Response:
    """The response; as a bare array where it is a list and the client reads it so.

    It does with `Accept: application/json; profile=bare`, and where the server is for front end T.
    """
    name = LISTS.get(route)
    if name is None or request.method != HTTPMethod.GET or response.status_code != HTTPStatus.OK:
        return response
    accepts = request.headers.get("accept", "").replace('"', "").replace(" ", "")
    if request.app.state.front_end is not FrontEnd.T and PROFILE not in accepts:
        return response
    page = json.loads(bytes(response.body))
    bare = JSONResponse(page[name], headers={"Vary": "Accept"})
    if cursor := page.get("nextCursor"):
        following = request.url.include_query_params(cursor=cursor)
        bare.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return bare
