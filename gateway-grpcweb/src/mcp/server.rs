//! The protocol's questions, answered out of the catalogue.

use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::request::Parts;
use lyceum::error::Error as Refusal;
use lyceum::principal::Principal;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{RoleServer, ServerHandler};
use tonic::Code;

use super::catalogue::Catalogue;
use super::notices::Notices;
use super::running::Running;
use super::{Arrived, calling, results, session};
use crate::edge::Edge;
use crate::invoke::Ask;
use crate::record::Front;

const MCP: Front = Front::always_200("mcp");

/// Tools in one answer.
const PAGE: usize = 100;
/// Methods that are looked at for one answer.
const LOOKED_AT: usize = 1_000;
/// How long an agent may keep the list; it hears of changes.
const FRESH: Duration = Duration::from_secs(60);

/// What the audit calls it.
const LIST: &str = "tools/list";

const INSTRUCTIONS: &str = "Every tool is a method of an educational service, described by its contract. A failed call \
    answers with code, reason and the fields that are wrong. Texts that students wrote stay between you and the service.";

/// The tools of one gateway.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    edge: Weak<Edge>,
    catalogue: Arc<ArcSwap<Catalogue>>,
    running: Arc<Running>,
    notices: Arc<Notices>,
}

/// Who looks at the list.
enum Viewer<'a> {
    Known(Arc<Principal>),
    /// Whose key opens some methods alone: each is asked for.
    Scoped(Ask<'a>),
}

// === impl Tools ===

impl Tools {
    pub(super) fn new(edge: Weak<Edge>, running: Arc<Running>, notices: Arc<Notices>) -> Self {
        Self {
            edge,
            catalogue: Arc::default(),
            running,
            notices,
        }
    }

    fn edge(&self) -> Result<Arc<Edge>, ErrorData> {
        let gone = || ErrorData::internal_error("the gateway is stopping", None);
        self.edge.upgrade().ok_or_else(gone)
    }

    /// The tools of the schema as it is now.
    fn catalogue(&self, edge: &Edge) -> Arc<Catalogue> {
        let generation = edge.schema.generation();
        let known = self.catalogue.load_full();
        // Nobody knows anything in generation 0, nor does an empty catalogue.
        if known.generation == generation {
            return known;
        }
        // Two who come at once make the same twice.
        let made = Arc::new(Catalogue::new(generation, &edge.schema.services()));
        self.catalogue.store(Arc::clone(&made));
        made
    }
}

/// The HTTP request that a message came with.
fn ask(context: &RequestContext<RoleServer>) -> Result<Ask<'_>, ErrorData> {
    let parts = context.extensions.get::<Parts>();
    let arrived = parts.and_then(|parts| parts.extensions.get::<Arrived>());
    let (Some(parts), Some(arrived)) = (parts, arrived) else {
        return Err(ErrorData::internal_error("the request has no origin", None));
    };
    Ok(Ask {
        front: MCP,
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        peer: &arrived.peer,
        timeout: None,
        began: arrived.began,
        together: None,
    })
}

// === impl Viewer ===

impl<'a> Viewer<'a> {
    /// Who asks for the list; a credential that is shown and not good is told.
    async fn of(edge: &Edge, ask: Ask<'a>) -> Result<Self, ErrorData> {
        match edge.caller(ask.peer, ask.shown(LIST)).await {
            Ok(principal) => Ok(Self::Known(principal)),
            // The list is no method, so a key that names its methods does not open it.
            Err(refusal) if refusal.reason() == "SCOPE_MISSING" => Ok(Self::Scoped(ask)),
            Err(refusal) => {
                let message = refusal.to_string();
                let told = results::error(&refusal.into());
                Err(ErrorData::invalid_request(message, Some(told)))
            }
        }
    }

    async fn may_call(&self, edge: &Edge, path: &str) -> bool {
        let access = edge.access(path);
        match self {
            Self::Known(principal) => access.permits(principal).is_ok(),
            Self::Scoped(ask) => {
                let Ok(uri) = path.parse() else { return false };
                let caller = edge.caller(ask.peer, Ask { uri: &uri, ..*ask }.shown(LIST)).await;
                caller.is_ok_and(|principal| access.permits(&principal).is_ok())
            }
        }
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        let own = Implementation::new("lyceum", env!("CARGO_PKG_VERSION")).with_title("Lyceum");
        ServerConfig::new(capabilities)
            .with_server_info(own)
            .with_instructions(INSTRUCTIONS)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let edge = self.edge.upgrade()?;
        Some(self.catalogue(&edge).find(name)?.tool.clone())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let edge = self.edge()?;
        let catalogue = self.catalogue(&edge);
        let viewer = Viewer::of(&edge, ask(&context)?).await?;
        let after = request.and_then(|request| request.cursor).unwrap_or_default();
        let mut tools = Vec::new();
        let mut last = None;
        let mut entries = catalogue.after(&after).iter();
        for entry in entries.by_ref().take(LOOKED_AT) {
            if viewer.may_call(&edge, &entry.method.path).await {
                tools.push(entry.tool.clone());
            }
            last = Some(entry.tool.name.to_string());
            if tools.len() == PAGE {
                break;
            }
        }
        let fresh = u64::try_from(FRESH.as_millis()).unwrap_or_default();
        let mut list = ListToolsResult::with_all_items(tools)
            .with_ttl_ms(fresh)
            .with_cache_scope(CacheScope::Private);
        if entries.next().is_some() {
            list.next_cursor = last;
        }
        Ok(list)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let edge = self.edge()?;
        let catalogue = self.catalogue(&edge);
        let entry = catalogue
            .find(&request.name)
            .ok_or_else(|| ErrorData::invalid_params("there is no tool of this name", None))?;
        let ask = ask(&context)?;
        let listener = context
            .meta
            .get_progress_token()
            .map(|token| (context.peer.clone(), token));
        let running = self.running.enter(session(ask.headers), &context.id);
        let arguments = request.arguments.unwrap_or_default();
        let result = tokio::select! {
            biased;
            () = context.ct.cancelled() => None,
            () = running.cancelled() => None,
            result = calling::call(&edge, entry, arguments, ask, listener) => Some(result),
        };
        // What was cancelled is dropped, and so is the service's work.
        let result = result.unwrap_or_else(|| {
            let refusal = Refusal::new(Code::Cancelled, "CANCELLED", "the agent cancelled the call");
            results::failed(&refusal.into(), None, &http::HeaderMap::new())
        });
        Ok(result.into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut filter = SubscriptionFilter::new();
        filter.tools_list_changed = requested.tools_list_changed;
        Some(filter)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let (mut changes, stopping) = {
            let edge = self.edge()?;
            (edge.schema.watch(), edge.stopping.clone())
        };
        let Some(_place) = self.notices.place() else {
            return Err(ErrorData::internal_error("too many agents listen already", None));
        };
        changes.mark_unchanged();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = stopping.cancelled() => return Ok(()),
                changed = changes.changed() => {
                    if changed.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}
