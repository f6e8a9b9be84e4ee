//! One message from a request, and one into an answer.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Uri};
use http_body::Body as HttpBody;
use lyceum::error::Error as Refusal;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, SerializeOptions};
use serde_json::json;

use super::rule::{Body, Rule};
use super::table::Target;
use super::{Failed, fields, upload};
use crate::edge::Edge;
use crate::invoke::{Answer, Ask, within};
use crate::refusal;
use crate::request::Inbound;
use crate::schema::codec;

/// Why a request is no message.
enum Wrong {
    Refused(Refusal),
    /// The body is of a type that nobody here reads.
    Type,
}

impl<E: Into<Refusal>> From<E> for Wrong {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Edge {
    /// A call with one message.
    pub(super) async fn told<B>(
        &self,
        ask: Ask<'_>,
        target: &Target,
        uri: &Uri,
        mut body: Inbound<B>,
    ) -> Result<Answer, Failed>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    {
        let mut call = self.begin(ask).await?;
        let read = async {
            let length = checked(ask.headers)?;
            body.announce(length)?;
            let body = within(&mut call.timer, body.whole()).await??;
            if !body.is_empty() && !is_json(ask.headers, "json") {
                return Err(Wrong::Type);
            }
            Ok(message(target, uri, &body)?)
        };
        match read.await {
            Ok(message) => Ok(call.exchange(&message).await?),
            Err(Wrong::Refused(refusal)) => Err(call.refuse(refusal.into()).into()),
            Err(Wrong::Type) => Err(Failed {
                refused: call.refuse(unknown_type("application/json").into()),
                unsupported: true,
            }),
        }
    }

    /// A call with many messages.
    pub(super) async fn uploaded<B>(&self, ask: Ask<'_>, target: &Target, body: Inbound<B>) -> Result<Answer, Failed>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    {
        let call = self.begin(ask).await?;
        if let Err(refusal) = checked(ask.headers) {
            return Err(call.refuse(refusal.into()).into());
        }
        if !is_json(ask.headers, "x-ndjson") && !is_json(ask.headers, "jsonl") {
            return Err(Failed {
                refused: call.refuse(unknown_type("application/x-ndjson, a line for each message").into()),
                unsupported: true,
            });
        }
        let (frames, fault) = upload::frames(body, target.method.input.clone());
        Ok(call.send(frames, Some(fault)).await?.messages()?)
    }
}

/// The body's announced length; refused when it is compressed as a whole.
fn checked(headers: &HeaderMap) -> Result<Option<usize>, Refusal> {
    let encoded = headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(refusal::unknown_encoding());
    }
    Ok(headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok()))
}

/// Whether the body says that it is `application/<kind>`. What a form of another site could send is not JSON.
fn is_json(headers: &HeaderMap, kind: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim();
            essence.get(..12).is_some_and(|start| {
                start.eq_ignore_ascii_case("application/") && essence[12..].eq_ignore_ascii_case(kind)
            })
        })
}

fn unknown_type(wanted: &str) -> Refusal {
    Refusal::invalid_argument(
        "CONTENT_TYPE_UNKNOWN",
        format!("the content-type of this method's body is {wanted}"),
    )
}

/// The message that a request describes.
fn message(target: &Target, uri: &Uri, body: &[u8]) -> Result<Bytes, Refusal> {
    let input = &target.method.input;
    let query = uri.query().unwrap_or_default();
    let Some((rule, values)) = &target.rule else {
        if query.is_empty() && !body.is_empty() {
            return codec::to_bytes(input, body);
        }
        let mut message = whole(target, body)?;
        fields::query(&mut message, query, &[]).map_err(Refusal::invalid_input)?;
        return Ok(codec::encode(&message));
    };
    let mut message = match &rule.body {
        Body::None if body.is_empty() => DynamicMessage::new(input.clone()),
        Body::None => return Err(Refusal::invalid_argument("BODY_UNWANTED", "this path takes no body")),
        Body::All => whole(target, body)?,
        Body::Field(_) if body.is_empty() => DynamicMessage::new(input.clone()),
        Body::Field(field) => codec::read(input, &wrapped(field, body))?,
    };
    let mut violations = Vec::new();
    for ((path, variable), value) in rule.variables.iter().zip(&rule.template.variables).zip(values) {
        if let Err(wanted) = fields::set(&mut message, path, value) {
            violations.push((variable.field.clone(), wanted));
        }
    }
    if let Err(more) = fields::query(&mut message, query, &taken(rule)) {
        violations.extend(more);
    }
    if violations.is_empty() {
        Ok(codec::encode(&message))
    } else {
        Err(Refusal::invalid_input(violations))
    }
}

fn whole(target: &Target, body: &[u8]) -> Result<DynamicMessage, Refusal> {
    if body.is_empty() {
        Ok(DynamicMessage::new(target.method.input.clone()))
    } else {
        codec::read(&target.method.input, body)
    }
}

/// The fields that a query may not say; with the whole message as body, it may still say what repeats nothing.
fn taken(rule: &Rule) -> Vec<&str> {
    let mut taken: Vec<&str> = rule
        .template
        .variables
        .iter()
        .map(|variable| variable.field.as_str())
        .collect();
    if let Body::Field(field) = &rule.body {
        taken.push(field.name());
    }
    taken
}

/// A message's JSON with this body as one of its fields.
fn wrapped(field: &FieldDescriptor, body: &[u8]) -> Vec<u8> {
    let mut json = Vec::with_capacity(body.len() + field.json_name().len() + 8);
    json.push(b'{');
    json.extend_from_slice(json!(field.json_name()).to_string().as_bytes());
    json.push(b':');
    json.extend_from_slice(body);
    json.push(b'}');
    json
}

/// The JSON of an answer.
pub(super) fn answer(target: &Target, message: &[u8]) -> Result<Bytes, Refusal> {
    let output = &target.method.output;
    let field = target.rule.as_ref().and_then(|(rule, _)| rule.response_body.as_ref());
    let Some(field) = field else {
        return codec::to_json(output, message).map(Bytes::from);
    };
    let whole = codec::decode(output, message)?;
    if !whole.has_field(field) {
        return Ok(default(field).into());
    }
    let mut alone = DynamicMessage::new(output.clone());
    alone.set_field(field, whole.get_field(field).into_owned());
    let mut json = Vec::new();
    codec::write_with(&alone, &mut json, &SerializeOptions::new())?;
    // What stands between `{"name":` and `}`.
    let begin = json!(field.json_name()).to_string().len() + 2;
    let end = json.len().saturating_sub(1);
    Ok(Bytes::from(json).slice(begin.min(end)..end))
}

/// The JSON of a field that is not set.
fn default(field: &FieldDescriptor) -> String {
    if field.is_map() {
        return "{}".to_owned();
    }
    if field.is_list() {
        return "[]".to_owned();
    }
    match field.kind() {
        Kind::Bool => "false".to_owned(),
        Kind::String | Kind::Bytes => "\"\"".to_owned(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => "\"0\"".to_owned(),
        Kind::Enum(names) => json!(names.default_value().name()).to_string(),
        Kind::Message(_) => "null".to_owned(),
        _ => "0".to_owned(),
    }
}
