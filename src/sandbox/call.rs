//! One request and one answer, between the socket and the endpoints.

use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::dialect::Speech;
use super::language::Language;

/// A request, read to its end.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// What follows the version, split at `/` and decoded.
    pub(crate) segments: Vec<String>,
    pub(crate) speech: Speech,
    pub(crate) query: Query,
    /// Without parameters, lower case; empty if not given.
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    /// The parts of a multipart body.
    pub(crate) parts: Vec<Part>,
    /// `X-Atlassian-Token: no-check` was sent.
    pub(crate) waives_forgery_check: bool,
    /// Account id of the caller; `None` if not signed in.
    pub(crate) who: Option<String>,
    /// Credentials were sent and not accepted.
    pub(crate) is_refused: bool,
    /// In which it is answered.
    pub(crate) language: Language,
}

/// One part of a multipart body.
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) file_name: String,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// The decoded query.
#[derive(Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// An answer that is not bytes yet.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content: Content,
}

/// What an answer carries.
#[derive(Debug)]
pub(crate) enum Content {
    Empty,
    Json(Value),
    /// `application/problem+json`: what Jira sends for a path or a method that it does not have.
    Problem(Value),
    Html(String),
    Css(&'static str),
    File {
        name: String,
        media_type: String,
        bytes: Bytes,
    },
}

/// A refusal is an answer too.
pub(crate) type Outcome = Result<Answer, Answer>;

/// One page of a list that is paged by offset.
pub(crate) struct Page {
    pub(crate) start_at: usize,
    pub(crate) max_results: usize,
}

impl Call {
    /// The path segment at a position; empty if the path is shorter.
    pub(crate) fn segment(&self, position: usize) -> &str {
        self.segments.get(position).map_or("", String::as_str)
    }

    /// The caller's account id; the empty string cannot happen behind the sign-in check.
    pub(crate) fn account(&self) -> &str {
        self.who.as_deref().unwrap_or_default()
    }

    /// The body as JSON of any kind.
    pub(crate) fn json(&self) -> Result<Value, Answer> {
        if self.content_type != "application/json" {
            return Err(Answer::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, &self.segments.join("/")));
        }
        serde_json::from_slice(&self.body).map_err(|_| {
            Answer::refusal("There was an error parsing JSON. Check that your request body is valid.")
        })
    }

    /// The body as a JSON object that has no property besides `known`.
    pub(crate) fn object(&self, known: &[&str]) -> Result<Map<String, Value>, Answer> {
        let Value::Object(object) = self.json()? else {
            return Err(Answer::refusal(INVALID_PAYLOAD));
        };
        if object.keys().all(|name| known.contains(&name.as_str())) {
            Ok(object)
        } else {
            Err(Answer::refusal(INVALID_PAYLOAD))
        }
    }

    /// `startAt` and `maxResults` of the query; as many as at most unless it says.
    pub(crate) fn page(&self, most: usize) -> Result<Page, Answer> {
        self.page_up_to(most, most)
    }

    /// `startAt` and `maxResults` of the query.
    pub(crate) fn page_up_to(&self, default: usize, most: usize) -> Result<Page, Answer> {
        let number = |name: &str, default: usize| match self.query.get(name) {
            None => Ok(default),
            Some(text) => text.parse::<usize>().map_err(|_| {
                Answer::refusal(format!("The value '{text}' of '{name}' is not a whole number of 0 or more."))
            }),
        };
        Ok(Page { start_at: number("startAt", 0)?, max_results: number("maxResults", default)?.min(most) })
    }
}

/// The text of Jira for a body with a property that it does not know or of the wrong kind.
pub(crate) const INVALID_PAYLOAD: &str =
    "Invalid request payload. Refer to the REST API documentation and try again.";

impl Page {
    /// The values of this page.
    pub(crate) fn of(&self, all: Vec<Value>) -> Vec<Value> {
        all.into_iter().skip(self.start_at).take(self.max_results).collect()
    }

    /// The common form `{startAt, maxResults, total, isLast, values}`.
    pub(crate) fn bean(&self, address: &str, all: Vec<Value>) -> Value {
        let total = all.len();
        let values = self.of(all);
        json!({
            "self": address,
            "startAt": self.start_at,
            "maxResults": self.max_results,
            "total": total,
            "isLast": self.start_at + values.len() >= total,
            "values": values,
        })
    }
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = url::form_urlencoded::parse(text.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Self { pairs }
    }

    /// The first value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that may be repeated or hold several, split at commas.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        let mut values: Option<Vec<String>> = None;
        for (_, value) in self.pairs.iter().filter(|(found, _)| found == name) {
            values
                .get_or_insert_default()
                .extend(value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
        }
        values
    }

    /// Whether a comma-separated parameter such as `expand` names a word.
    pub(crate) fn lists(&self, name: &str, word: &str) -> bool {
        self.list(name).is_some_and(|values| values.iter().any(|value| value == word))
    }
}

impl Answer {
    pub(crate) fn json(status: StatusCode, value: Value) -> Self {
        Self { status, content: Content::Json(value) }
    }

    pub(crate) fn ok(value: Value) -> Self {
        Self::json(StatusCode::OK, value)
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, content: Content::Empty }
    }

    /// 400 with one text that belongs to no field.
    pub(crate) fn refusal(text: impl Into<String>) -> Self {
        Self::message(StatusCode::BAD_REQUEST, text)
    }

    /// Any status with one text that belongs to no field.
    pub(crate) fn message(status: StatusCode, text: impl Into<String>) -> Self {
        Self::json(status, json!({ "errorMessages": [text.into()], "errors": {} }))
    }

    /// 400 with several texts that belong to no field.
    pub(crate) fn messages(texts: &[String]) -> Self {
        Self::json(StatusCode::BAD_REQUEST, json!({ "errorMessages": texts, "errors": {} }))
    }

    /// 400 with one text per field.
    pub(crate) fn field_errors(errors: &Map<String, Value>) -> Self {
        Self::json(StatusCode::BAD_REQUEST, json!({ "errorMessages": [], "errors": errors }))
    }

    /// 400 with a text for one field.
    pub(crate) fn field_error(field: &str, text: impl Into<String>) -> Self {
        let mut errors = Map::new();
        errors.insert(field.to_owned(), Value::String(text.into()));
        Self::field_errors(&errors)
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::message(StatusCode::NOT_FOUND, text)
    }

    /// Its texts that belong to no field.
    pub(crate) fn texts(&self) -> Vec<String> {
        let Content::Json(body) = &self.content else { return Vec::new() };
        let texts = body["errorMessages"].as_array().into_iter().flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The form for requests that reach no endpoint.
    pub(crate) fn problem(status: StatusCode, path: &str) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let value = json!({
            "type": "about:blank",
            "title": title,
            "status": status.as_u16(),
            "detail": format!("No endpoint takes this request: {path}"),
            "instance": path,
        });
        Self { status, content: Content::Problem(value) }
    }
}

/// Decodes `%XX` in one path segment; what is not valid stays as it is.
pub(crate) fn decode_segment(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let escaped = (bytes[position] == b'%')
            .then(|| segment.get(position + 1..position + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[position]));
        position += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).unwrap_or_else(|_| segment.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_decode_and_keep_what_is_not_an_escape() {
        assert_eq!(decode_segment("a%20b%2Fc"), "a b/c");
        assert_eq!(decode_segment("100%"), "100%");
        assert_eq!(decode_segment("%zz%"), "%zz%");
        assert_eq!(decode_segment("%ff"), "%ff");
        assert_eq!(decode_segment("a+b"), "a+b");
    }

    #[test]
    fn a_list_parameter_may_be_repeated_or_separated() {
        let query = Query::parse("fields=summary,labels&fields=status&expand=");
        assert_eq!(query.list("fields").unwrap_or_default(), ["summary", "labels", "status"]);
        assert_eq!(query.list("expand"), Some(Vec::new()));
        assert_eq!(query.list("properties"), None);
    }
}
