"""What a request handler may use, composed once in the wiring."""

from dataclasses import dataclass

from app.http.rates.limits import RateLimits
from app.identity.tokens import Authenticator
from app.services.account.whole import WholeAccount
from app.services.asking import Asking
from app.services.attaching import Attaching
from app.services.chatting import Chatting
from app.services.choosing import Choosing
from app.services.clients.events import ClientEvents
from app.services.clients.scheduling import Scheduling
from app.services.clients.triggering import Triggering
from app.services.completing import Completing
from app.services.configuring import Configuring
from app.services.connecting import Connecting
from app.services.editing import Editing
from app.services.engine import EngineAccess
from app.services.following import Following
from app.services.generating import Generating
from app.services.health import Health
from app.services.mcp.endpoint import McpEndpoint
from app.services.mcp.named import NamedServers
from app.services.messages import Messaging
from app.services.metering import Metering
from app.services.plans import PlanGate
from app.services.previews import Previews
from app.services.processes import ProjectProcesses
from app.services.searching import Searching
from app.services.session import SessionFacts
from app.services.streams import Streams
from app.services.terminals import Terminals
from app.services.transfers import Transferring
from core.clock import Clock
from store.gateway import Store


@dataclass(frozen=True)
class Services:
    """The parts behind the routes."""

    store: Store
    account: WholeAccount
    messaging: Messaging
    attaching: Attaching
    choosing: Choosing
    asking: Asking
    chatting: Chatting
    completing: Completing
    following: Following
    metering: Metering
    generating: Generating
    authenticator: Authenticator
    searching: Searching
    session: SessionFacts
    rates: RateLimits
    health: Health
    engine: EngineAccess
    streams: Streams
    mcp: McpEndpoint
    configuring: Configuring
    terminals: Terminals
    editing: Editing
    mcp_servers: NamedServers
    previews: Previews
    processes: ProjectProcesses
    transfers: Transferring
    plans: PlanGate
    connecting: Connecting
    clients: ClientEvents
    triggering: Triggering
    scheduling: Scheduling
    clock: Clock
