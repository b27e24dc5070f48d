//! The gateways at start, and gateway discovery.

use super::handle::Reply;
use super::{App, Then};
use crate::api::FoundGateway;
use crate::discovery::{Found, discover, discover_nearby, from_environment, host_name};
use crate::ports::SecretKind;
use crate::profiles::{EMBEDDED, ENVIRONMENT, Profile};
use serde_json::json;
use std::sync::Arc;

impl App {
    pub(super) fn start_gateways(&mut self) {
        if self.options.accept_environment
            && let Some(found) = from_environment(&*self.options.surroundings)
        {
            self.profiles.put(Profile {
                id: ENVIRONMENT.to_owned(),
                name: found.called(self.language()),
                url: found.url,
                certificate: found.certificate,
                transient: true,
                ..Profile::default()
            });
            if let Some(spare) = found.spare {
                self.spare_tokens.insert(ENVIRONMENT.to_owned(), spare);
            }
            self.keep_for_session(ENVIRONMENT, SecretKind::GatewayToken, found.token);
            self.profiles.activate(ENVIRONMENT);
        } else if self.options.embedded {
            self.profiles.put(self.embedded_profile());
            self.profiles.activate(EMBEDDED);
        }
        let all: Vec<String> = self
            .profiles
            .all()
            .iter()
            .map(|profile| profile.id.clone())
            .collect();
        for id in &all {
            self.connect(id);
        }
        if all.is_empty() {
            self.discover(None);
        }
        self.show_at_start();
    }

    pub(super) fn embedded_profile(&self) -> Profile {
        Profile {
            id: EMBEDDED.to_owned(),
            name: self.words().built_in.to_owned(),
            url: "ws://127.0.0.1".to_owned(),
            embedded: true,
            ..Profile::default()
        }
    }

    /// What a gateway is called as long as nobody names it.
    pub(super) fn host_name(&self, url: &str) -> String {
        host_name(url).unwrap_or_else(|| self.words().this_computer.to_owned())
    }

    pub(super) fn discover(&mut self, reply: Option<Reply>) {
        let around = Arc::clone(&self.options.surroundings);
        self.spawn(async move {
            let found = discover(&*around).await;
            Box::new(move |app: &mut Self| {
                app.found = found.into_iter().filter(|found| !app.is_known(found)).collect();
                app.publisher.dirty.found = true;
                if let Some(reply) = reply {
                    let views: Vec<FoundGateway> = app.found_views();
                    reply.send(Ok(json!(views)));
                }
                app.listen_nearby();
            }) as Then
        });
    }

    /// What announces itself comes behind what is known at once.
    fn listen_nearby(&mut self) {
        let around = Arc::clone(&self.options.surroundings);
        self.spawn(async move {
            let nearby = discover_nearby(&*around).await;
            Box::new(move |app: &mut Self| {
                for found in nearby {
                    let shown = app.found.iter().any(|known| known.url == found.url);
                    if !shown && !app.is_known(&found) {
                        app.found.push(found);
                    }
                }
                app.publisher.dirty.found = true;
            }) as Then
        });
    }

    fn is_known(&self, found: &Found) -> bool {
        self.profiles.all().iter().any(|profile| profile.url == found.url)
    }
}
