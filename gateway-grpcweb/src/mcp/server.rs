//! The protocol's questions, answered out of the catalogue.

use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::request::Parts;
use lyceum::error::Error as Refusal;
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
/// How long an agent may keep the list; it hears of changes.
const FRESH: Duration = Duration::from_secs(60);

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
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let edge = self.edge()?;
        let catalogue = self.catalogue(&edge);
        let after = request.and_then(|request| request.cursor).unwrap_or_default();
        let mut entries = catalogue.after(&after).iter();
        let tools: Vec<Tool> = entries.by_ref().take(PAGE).map(|entry| entry.tool.clone()).collect();
        let more = entries.next().is_some();
        let fresh = u64::try_from(FRESH.as_millis()).unwrap_or_default();
        let mut list = ListToolsResult::with_all_items(tools)
            .with_ttl_ms(fresh)
            .with_cache_scope(CacheScope::Private);
        if more {
            list.next_cursor = list.tools.last().map(|tool| tool.name.to_string());
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
        let parts = context.extensions.get::<Parts>();
        let (Some(parts), Some(arrived)) = (parts, parts.and_then(|parts| parts.extensions.get::<Arrived>())) else {
            return Err(ErrorData::internal_error("the request has no origin", None));
        };
        let ask = Ask {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            peer: &arrived.peer,
            front: MCP,
            timeout: None,
            began: arrived.began,
        };
        let listener = context
            .meta
            .get_progress_token()
            .map(|token| (context.peer.clone(), token));
        let running = self.running.enter(session(&parts.headers), &context.id);
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
