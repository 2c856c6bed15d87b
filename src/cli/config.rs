//! `config path|show|template`: the settings, where they are and what they can be.

use clap::Subcommand;

use super::{
    args::Globals,
    exit::{Outcome, Stop},
    format,
    output::Output,
    settings::{Paths, Settings, TEMPLATE},
};
use crate::application::message::{Failure, FailureKind};

/// Show the settings
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// Where the configuration is read from
    Path,
    /// What holds, flags and environment included
    Show,
    /// Every setting with its default, to begin a file with
    Template,
}

pub(super) fn run(args: Args, globals: &Globals, out: Output) -> Outcome {
    match args.what {
        What::Path => {
            let path = Paths::find(globals)?.config_file;
            if out.json {
                let exists = path.exists();
                return out.row(
                    "config_path",
                    serde_json::json!({ "path": format::json_path(&path), "exists": exists }),
                );
            }
            out.line(path.display())
        }
        What::Show => {
            let config = Settings::load(globals)?.to_config();
            if out.json {
                return out.row("config", config);
            }
            let text = toml::to_string(&config).map_err(|error| {
                let why = format!("cannot show the settings: {error}");
                Stop::Failed(Failure::new(FailureKind::Error, why))
            })?;
            out.line(text.trim_end())
        }
        What::Template if out.json => {
            out.row("config_template", serde_json::json!({ "template": TEMPLATE }))
        }
        What::Template => out.bytes(TEMPLATE.as_bytes()),
    }
}
