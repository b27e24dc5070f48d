//! `serve` and `api-key`: the built-in gateway without a desktop.

use crate::cli::{ApiKeyAction, Global, Serve};
use crate::exit::{Failure, Outcome};
use crate::term::Term;

/// `serve`
pub(crate) async fn serve(_global: &Global, _args: &Serve, _term: &mut Term) -> Outcome {
    std::future::ready(Err(Failure::local("not yet"))).await
}

/// `api-key`
pub(crate) fn api_key(_action: ApiKeyAction, _term: &mut Term) -> Outcome {
    Err(Failure::local("not yet"))
}
