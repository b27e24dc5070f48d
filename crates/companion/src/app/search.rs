//! Search: the local copy answers first, and the gateway adds more.

use super::handle::Reply;
use super::session_requests::{list, text};
use super::{App, Then};
use crate::api::SearchHit;
use crate::ids::SessionRef;
use crate::ports::WindowKind;
use crate::store::{SearchQuery, Store, StoreError, StoreHandle, StoreHit};
use crate::transcript::message_id;
use clawtray_gateway_protocol::Message;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// The gateway's hits are waited for this long when there are hits here.
const GATEWAY_ADDS_WITHIN: Duration = Duration::from_millis(400);
/// The gateway refuses to give more at once.
const GATEWAY_HITS: u32 = 25;

impl App {
    pub(super) fn search(&mut self, window: Option<WindowKind>, wanted: SearchQuery, reply: Reply) {
        let id = wanted.gateway.clone();
        if self.profiles.get(&id).is_none() || wanted.text.is_empty() {
            reply.send(Ok(json!([])));
            return;
        }
        let (query, limit) = (wanted.text.clone(), wanted.limit);
        let (from_ms, until_ms) = (wanted.from_ms, wanted.until_ms);
        let remote = self
            .links
            .get(&id)
            .and_then(super::link::Link::ready)
            .filter(|gateway| gateway.capabilities().native);
        let mut params = json!({ "query": query, "limit": limit.min(GATEWAY_HITS) });
        if let Some(params) = params.as_object_mut() {
            if let Some(agent) = &wanted.agent {
                params.insert("agentId".to_owned(), agent.as_str().into());
            }
            if let Some(session) = &wanted.session {
                params.insert("sessionKeys".to_owned(), json!([session]));
            }
        }
        let records = self.records.clone();
        // What a window types replaces what it typed before; others do not wait for each other.
        let lane = window.map(|window| self.search_lanes.entry(window.label()).or_default().clone());
        self.spawn(async move {
            let local = async {
                match &records {
                    Some(records) => records.search(&lane.unwrap_or_default(), wanted).await,
                    None => Ok(Vec::new()),
                }
            };
            let asked = async {
                match remote {
                    Some(gateway) => Some(gateway.call_raw("sessions.search", params).await),
                    None => None,
                }
            };
            tokio::pin!(asked);
            let local = local.await;
            let enough = local
                .as_ref()
                .is_ok_and(|hits| hits.len() >= usize::try_from(limit).unwrap_or(usize::MAX));
            let remote = match &local {
                Err(StoreError::Superseded) => None,
                Ok(_) if enough => None,
                Ok(hits) if !hits.is_empty() => tokio::time::timeout(GATEWAY_ADDS_WITHIN, asked)
                    .await
                    .ok()
                    .flatten(),
                Ok(_) | Err(_) => asked.await,
            };
            let known = match (&records, &remote) {
                (Some(records), Some(Ok(answer))) => shown_ids(records, &id, answer).await,
                _ => HashMap::new(),
            };
            Box::new(move |app: &mut Self| {
                let local = app.noted(local).unwrap_or_default();
                let title = |key: &str| {
                    app.links
                        .get(&id)
                        .map(|link| link.sessions.title(key))
                        .unwrap_or_default()
                };
                let mut hits: Vec<SearchHit> =
                    local.into_iter().map(|hit| local_hit(hit, &id, &title)).collect();
                let answer = match remote {
                    Some(Err(error)) if hits.is_empty() => Err(error.into()),
                    Some(Ok(answer)) => {
                        // The gateway knows no dates.
                        let in_time = |hit: &SearchHit| {
                            from_ms.is_none_or(|from| hit.at_ms >= from)
                                && until_ms.is_none_or(|until| hit.at_ms < until)
                        };
                        let found = hits_of(&answer, &query, &id, &title).into_iter().filter(in_time);
                        let more = found.map(|hit| SearchHit {
                            message: hit.message.map(|message| {
                                let key = (hit.session.session.clone(), message);
                                known.get(&key).cloned().unwrap_or(key.1)
                            }),
                            ..hit
                        });
                        add(&mut hits, more);
                        hits.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                        Ok(json!(hits))
                    }
                    Some(Err(_)) | None => Ok(json!(hits)),
                };
                reply.send(answer);
            }) as Then
        });
    }
}

/// Hits of the gateway name rows; a transcript may show a row as part of a run's reply. Where the row is here, this is
/// the id that the transcript uses.
async fn shown_ids(
    records: &StoreHandle,
    profile: &str,
    answer: &Value,
) -> HashMap<(String, String), String> {
    let wanted: Vec<(String, String)> = list(answer, "results")
        .map(|hit| (text(hit, "sessionKey"), text(hit, "messageId")))
        .filter(|(_, message)| !message.is_empty())
        .collect();
    let profile = profile.to_owned();
    let look = move |store: &Store| {
        let mut known = HashMap::new();
        for (session, id) in wanted {
            let named = json!({ "role": "user", "content": "", "__openclaw": { "id": id } });
            let Ok(row) = serde_json::from_value::<Message>(named) else {
                continue;
            };
            let page = store.page_around(&profile, &session, &row, 2)?;
            let is_it = |found: &&Message| found.meta.id.as_ref().is_some_and(|known| known.as_str() == id);
            if let Some(found) = page.messages.iter().find(is_it) {
                known.insert((session, format!("msg:{id}")), message_id(found));
            }
        }
        Ok(known)
    };
    records.read(look).await.unwrap_or_default()
}

fn local_hit(hit: StoreHit, gateway: &str, title: &dyn Fn(&str) -> String) -> SearchHit {
    SearchHit {
        session_title: if hit.session_title.is_empty() {
            title(&hit.session)
        } else {
            hit.session_title
        },
        session: SessionRef::new(gateway, hit.session),
        message: hit.message.as_ref().map(message_id),
        snippet: hit.snippet,
        marks: hit.marks,
        at_ms: hit.at_ms,
    }
}

/// Adds hits on messages that are not among the hits yet.
fn add(hits: &mut Vec<SearchHit>, more: impl Iterator<Item = SearchHit>) {
    let key = |hit: &SearchHit| (hit.session.clone(), hit.message.clone());
    let mut seen: HashSet<(SessionRef, Option<String>)> = hits.iter().map(key).collect();
    for hit in more {
        if hit.message.is_none() || seen.insert(key(&hit)) {
            hits.push(hit);
        }
    }
}

fn hits_of(answer: &Value, query: &str, gateway: &str, title: &dyn Fn(&str) -> String) -> Vec<SearchHit> {
    list(answer, "results")
        .map(|hit| {
            let session = text(hit, "sessionKey");
            let snippet = text(hit, "snippet");
            SearchHit {
                session_title: title(&session),
                session: SessionRef::new(gateway, session),
                message: hit
                    .get("messageId")
                    .and_then(Value::as_str)
                    .map(|id| format!("msg:{id}")),
                marks: marks(&snippet, query),
                snippet,
                at_ms: hit.get("timestamp").and_then(Value::as_i64).unwrap_or_default(),
            }
        })
        .collect()
}

/// Where the words of a query stand in a snippet, in UTF-16 units, whatever their case.
fn marks(snippet: &str, query: &str) -> Vec<(u32, u32)> {
    let units: Vec<(char, u32)> = snippet
        .chars()
        .scan(0_u32, |at, c| {
            let start = *at;
            *at += u32::try_from(c.len_utf16()).unwrap_or(1);
            Some((c, start))
        })
        .collect();
    let end_of = |at: usize| {
        units
            .get(at)
            .map(|(c, start)| start + u32::try_from(c.len_utf16()).unwrap_or(1))
            .unwrap_or_default()
    };
    let same = |a: char, b: char| a == b || a.to_lowercase().eq(b.to_lowercase());
    let mut found: Vec<(u32, u32)> = Vec::new();
    for word in query.split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        for at in 0..units.len() {
            let here = units.get(at..).unwrap_or_default();
            let matches = here.len() >= word.len() && here.iter().zip(&word).all(|((c, _), w)| same(*c, *w));
            if matches && !word.is_empty() {
                let start = units.get(at).map(|(_, start)| *start).unwrap_or_default();
                found.push((start, end_of(at + word.len() - 1)));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_count_in_utf16_units_and_ignore_case() {
        for (snippet, query, expected) in [
            ("Word1 and word1", "word1", vec![(0, 5), (10, 15)]),
            ("😀 Straße", "straße", vec![(3, 9)]),
            ("abc", "", vec![]),
            ("aaa", "aa", vec![(0, 2), (1, 3)]),
        ] {
            assert_eq!(marks(snippet, query), expected, "{snippet}");
        }
    }
}
