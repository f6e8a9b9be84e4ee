//! One call from its first header to its outcome: breaker, attempts, fallback, metrics.
//!
//! ```text
//! plan ▸ breaker ▸ rounds of attempts ▸ verdict for the breaker ▸ answer, or what stands in for it
//! ```
//!
//! When not: what an attempt is stands in `attempt`, when there is another one in `rounds`. Source: `resilience`.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Instrument as _;

use super::Answered;
use super::attempt::{Answer, AnswerBody};
use super::body::ResponseBody;
use super::callee::{Callee, draw};
use super::exchange::RequestBody;
use super::method::MethodState;
use super::plan::Plan;
use super::rounds::{self, Unanswered};
use crate::contracts::{self, METHODS};
use crate::error::Error;
use crate::resilience::breaker::{Event, Pass, Verdict};
use crate::resilience::{deadline, fallback};
use crate::telemetry::{MethodMetrics, Side};

/// The facts of a call that last until its response has ended; dropped early, it was cancelled.
#[derive(Debug)]
pub(super) struct Call {
    metrics: MethodMetrics,
    begun: Instant,
    deadline: Option<Instant>,
    ended: bool,
}

impl Call {
    fn begin(metrics: &MethodMetrics, deadline: Option<Instant>) -> Self {
        metrics.begin();
        Self {
            metrics: metrics.clone(),
            begun: Instant::now(),
            deadline,
            ended: false,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn end(mut self, code: Code) {
        self.ended = true;
        self.metrics.end(code, self.begun.elapsed());
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.metrics.end(Code::Cancelled, self.begun.elapsed());
        }
    }
}

impl Callee {
    /// Makes one call. The response carries [`Answered`], unless something stood in for an answer.
    pub(super) async fn call(self: Arc<Self>, request: Request<Body>) -> Result<Response<ResponseBody>, Status> {
        let (parts, body) = request.into_parts();
        let index = contracts::method_index(parts.uri.path());
        let span = tracing::debug_span!(
            "rpc.client",
            otel.kind = "client",
            rpc.system = "grpc",
            rpc.method = index.map_or("other", |index| &METHODS[index].path[1..]),
            callee = self.service(),
        );
        let plan = Plan::of(&self, parts, index, Arc::clone(&self.policy.load()), &span)?;
        let call = Call::begin(self.metrics.method(Side::Client, index), plan.deadline);
        let (body, whole) = if plan.client_streams() {
            (RequestBody::Streaming(body), None)
        } else {
            match rounds::collect(body, plan.deadline).await {
                Ok(whole) => (RequestBody::Whole(whole.clone()), Some(whole)),
                Err(status) => {
                    call.end(status.code());
                    return Err(status);
                }
            }
        };
        let answered = self.guarded(&plan, body, whole.as_ref(), &call).instrument(span).await;
        let failed = match &answered {
            Ok(answer) => answer.code().is_some_and(fallback::applies),
            Err(unanswered) => fallback::applies(unanswered.status.code()),
        };
        if failed && let Some(response) = self.instead(&plan, whole.as_ref()) {
            call.end(answered.map_or_else(
                |unanswered| unanswered.status.code(),
                |answer| answer.code().unwrap_or(Code::Unknown),
            ));
            return Ok(response);
        }
        match answered {
            Ok(answer) => Ok(self.response(answer, call)),
            Err(unanswered) => {
                call.end(unanswered.status.code());
                Err(unanswered.status)
            }
        }
    }

    /// The attempts, behind the method's breaker.
    async fn guarded(
        &self,
        plan: &Plan,
        body: RequestBody,
        whole: Option<&Bytes>,
        call: &Call,
    ) -> Result<Answer, Unanswered> {
        let settings = plan.settings();
        let method = self.method(plan.index);
        let pass = match method.breaker.ask(self.now(), settings) {
            Ok(pass) => pass,
            Err(refused) => {
                self.counters.refused.inc();
                let error = Error::unavailable(
                    "BREAKER_OPEN",
                    format!("{} is left alone for a moment after failures in a row", self.service()),
                )
                .with_metadata("service", self.service().to_owned())
                .with_retry_after(refused.retry_after);
                return Err(Unanswered::unasked(error));
            }
        };
        let answered = self.rounds(plan, body, whole).await;
        let now = self.now();
        let code = match &answered {
            Ok(answer) => answer.code().unwrap_or(Code::Ok),
            Err(unanswered) => unanswered.status.code(),
        };
        let enough = code != Code::DeadlineExceeded
            || plan
                .deadline
                .is_none_or(|deadline| deadline::was_enough(deadline - call.begun, settings, &method.latency, now));
        let verdict = match &answered {
            Err(unanswered) if unanswered.unasked => Verdict::Unknown,
            _ => Verdict::of(code, enough),
        };
        self.judge(plan, method, pass, verdict);
        if let (Ok(answer), Code::Ok) = (&answered, code)
            && let AnswerBody::Whole(data, _) = &answer.body
        {
            method
                .latency
                .record(call.begun.elapsed(), now, settings.hedge_quantile);
            if let Some(whole) = whole
                && !settings.stale.is_zero()
                && let Some(context) = plan.context()
                && let Some(key) = fallback::key(plan.index, whole, settings, &context)
            {
                self.fallback.keep(key, data, settings, &context, now);
            }
        }
        answered
    }

    fn judge(&self, plan: &Plan, method: &MethodState, pass: Pass, verdict: Verdict) {
        let event = draw(|rng| method.breaker.end(pass, verdict, self.now(), plan.settings(), rng));
        let Some(event) = event else { return };
        let (callee, method) = (self.service(), plan.index.map_or("other", |index| METHODS[index].path));
        match event {
            Event::Opened => {
                self.counters.opened.inc();
                tracing::warn!(callee, method, "breaker open: calls fail whatever the instance");
            }
            Event::StillOpen => tracing::debug!(callee, method, "breaker still open"),
            Event::Closed => tracing::info!(callee, method, "breaker closed"),
        }
    }

    /// What stands in for an answer that there is none of.
    fn instead(&self, plan: &Plan, whole: Option<&Bytes>) -> Option<Response<ResponseBody>> {
        let (settings, context) = (plan.settings(), plan.context()?);
        let key = fallback::key(plan.index, whole?, settings, &context);
        let answer = self
            .fallback
            .instead(plan.index, key.as_ref(), settings, &context, self.now())?;
        match answer.tier {
            fallback::Tier::Cached { .. } => self.counters.cached.inc(),
            fallback::Tier::Static => self.counters.supplied.inc(),
        };
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
        let body = ResponseBody::whole(VecDeque::from([answer.frames.clone()]), Some(trailers));
        let mut response = Response::new(body);
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        answer.mark(response.headers_mut());
        Some(response)
    }

    fn response(self: Arc<Self>, answer: Answer, call: Call) -> Response<ResponseBody> {
        let code = answer.code();
        let (mut parts, ()) = answer.head.into_parts();
        parts.extensions.insert(Answered {
            instance: answer.instance,
        });
        let body = match answer.body {
            AnswerBody::Whole(data, trailers) => {
                call.end(code.unwrap_or(Code::Unknown));
                ResponseBody::whole(data, trailers)
            }
            AnswerBody::Streaming(incoming, ticket) => ResponseBody::streaming(incoming, self, ticket, call),
        };
        Response::from_parts(parts, body)
    }
}
