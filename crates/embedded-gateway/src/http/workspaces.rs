//! D5's workspaces. A workspace names an agent and the users who may talk to it.

use super::Http;
use super::auth::Caller;
use super::body::{PathMap, object};
use super::error::Refused;
use crate::backend::is_agent_id;
use crate::keys::Permission;
use crate::store::ledger::{DEFAULT_WORKSPACE, Workspace};
use crate::time::{iso, now_ms};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// The longest name of a workspace or user, in bytes.
const NAME_MAX: usize = 256;

fn fresh(http: &Http, id: &str) -> Workspace {
    Workspace {
        id: id.to_owned(),
        label: id.to_owned(),
        agent: http.backend.default_agent(),
        created_at: iso(now_ms()),
        ..Workspace::default()
    }
}

/// The workspace of a message. One that is not there yet is made when the caller may make it, or when its key names
/// it.
pub(crate) fn for_message(http: &Http, caller: &Caller, id: &str) -> Result<Workspace, Refused> {
    if let Some(found) = http.core.store.workspace(id)? {
        return Ok(found);
    }
    if id == DEFAULT_WORKSPACE {
        return Ok(fresh(http, id));
    }
    if caller.workspaces().is_none() && !caller.has(Permission::WorkspacesWrite) {
        return Err(Refused::not_found(format!(
            "there is no workspace \"{id}\"; make it with POST /api/v1/workspaces"
        )));
    }
    check_name(id)?;
    let workspace = fresh(http, id);
    http.core.store.put_workspace(&workspace)?;
    Ok(workspace)
}

fn check_name(id: &str) -> Result<(), Refused> {
    if id.len() > NAME_MAX {
        return Err(Refused::bad(format!(
            "a workspace's id has at most {NAME_MAX} bytes"
        )));
    }
    Ok(())
}

/// `GET /api/v1/workspaces`.
pub(crate) async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
) -> Result<Json<Vec<Workspace>>, Refused> {
    caller.need(Permission::WorkspacesRead)?;
    let mut all = http.core.store.workspaces()?;
    if !all.iter().any(|w| w.id == DEFAULT_WORKSPACE) {
        all.insert(0, fresh(&http, DEFAULT_WORKSPACE));
    }
    all.retain(|w| caller.need_workspace(&w.id).is_ok());
    Ok(Json(all))
}

/// `POST /api/v1/workspaces`.
pub(crate) async fn create(
    State(http): State<Arc<Http>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Workspace>, Refused> {
    caller.need(Permission::WorkspacesWrite)?;
    let fields = object(&http, request.into_body()).await?;
    let id = fields.str("id")?;
    let label = fields.opt_str("label")?.unwrap_or(id);
    let default = http.backend.default_agent();
    let agent = fields
        .opt_str("agent")?
        .filter(|a| !a.is_empty())
        .unwrap_or(&default);
    let skills = fields.opt_strings("skills")?.unwrap_or_default();
    caller.need_workspace(id)?;
    check_name(id)?;
    if !is_agent_id(agent) || !http.backend.knows_agent(agent).await? {
        return Err(Refused::bad(format!("there is no agent \"{agent}\"")));
    }
    if http.core.store.workspace(id)?.is_some() {
        let message = format!("the workspace \"{id}\" is there already");
        return Err(Refused::new(StatusCode::CONFLICT, "conflict", message));
    }
    let workspace = Workspace {
        label: label.to_owned(),
        agent: agent.to_owned(),
        skills,
        ..fresh(&http, id)
    };
    http.core.store.put_workspace(&workspace)?;
    Ok(Json(workspace))
}

fn known(http: &Http, caller: &Caller, path: &HashMap<String, String>) -> Result<Workspace, Refused> {
    let id = path.get("id").map(String::as_str).unwrap_or_default();
    let unknown = || Refused::not_found("there is no such workspace");
    caller.need_workspace(id).map_err(|_| unknown())?;
    match http.core.store.workspace(id)? {
        Some(workspace) => Ok(workspace),
        None if id == DEFAULT_WORKSPACE => Ok(fresh(http, id)),
        None => Err(unknown()),
    }
}

/// `GET /api/v1/workspaces/{id}`.
pub(crate) async fn one(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<Json<Workspace>, Refused> {
    caller.need(Permission::WorkspacesRead)?;
    Ok(Json(known(&http, &caller, &path)?))
}

/// `DELETE /api/v1/workspaces/{id}`. Its sessions stay until they are cleared.
pub(crate) async fn delete(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
) -> Result<Json<Value>, Refused> {
    caller.need(Permission::WorkspacesWrite)?;
    let workspace = known(&http, &caller, &path)?;
    http.core.store.delete_workspace(&workspace.id)?;
    Ok(Json(json!({"deleted": true, "id": workspace.id})))
}

/// `PATCH /api/v1/workspaces/{id}/allowlist`. An empty list lets everybody in.
pub(crate) async fn allowlist(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Path(path): PathMap,
    request: Request,
) -> Result<Json<Workspace>, Refused> {
    caller.need(Permission::WorkspacesWrite)?;
    let fields = object(&http, request.into_body()).await?;
    let (add, remove) = (fields.opt_strings("add")?, fields.opt_strings("remove")?);
    let mut workspace = known(&http, &caller, &path)?;
    for user in add.unwrap_or_default() {
        if !workspace.allowlist.contains(&user) {
            workspace.allowlist.push(user);
        }
    }
    let remove = remove.unwrap_or_default();
    workspace.allowlist.retain(|u| !remove.contains(u));
    http.core.store.put_workspace(&workspace)?;
    Ok(Json(workspace))
}
