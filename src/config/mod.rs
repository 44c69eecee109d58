//! Layered configuration in which every value knows where it comes from.
//!
//! Four layers, a later one wins: the built-in [`DEFAULTS`] (a commented reference of all keys), the config file,
//! the environment, the command line. [`Layers::load`] puts them on each other; a [`Reader`] takes typed values out
//! of them and collects everything that is wrong, so that all problems are told at once, each with its origin.
//!
//! What the room promises:
//!
//! * a name that does not exist is a problem, in every layer, with the name that was probably meant;
//! * a value is used as it was written, or refused: nothing is rounded, guessed or left out;
//! * a relative path starts at the folder of the config file that it stands in, else at the working directory;
//! * secrets come from the environment or from a file of their own, and no message, table or debug text has them.
//!
//! It never reads the environment or the command line by itself, never writes a file, and knows nothing about what a
//! value is good for: the parameter types are built on top of it.
//!
//! ```
//! use disputebot::config::{Assignment, Layers, Place};
//!
//! let folder = Place { folder: "a-folder-without-config".into(), ..Place::default() };
//! let environment = [("DISPUTEBOT_CLUSTER_MIN_GROUP", "0")];
//! let layers = Layers::load(&folder, environment, &[Assignment::set("jira.project=DISP")]).unwrap();
//!
//! let mut reader = layers.reader();
//! assert_eq!(reader.required_text("jira.project"), "DISP");
//! let _min_group: usize = reader.integer("cluster.min_group", 2..);
//! let problems = reader.finish().unwrap_err();
//! assert_eq!(
//!     problems.to_string(),
//!     "`cluster.min_group` must be at least 2, but is 0\n  \
//!      set by: environment variable `DISPUTEBOT_CLUSTER_MIN_GROUP`"
//! );
//! ```

mod file;
mod layers;
mod layout;
mod origin;
mod problem;
mod reader;
mod routes;
mod schema;
mod secret;
mod settings;
mod sources;
mod starter;
mod tables;
mod value;

pub use layers::{Assignment, FILE_NAME, Layers, Place, Shown};
pub use origin::Origin;
pub use problem::{Cause, Hint, Problem, Problems, Warning};
pub use reader::Reader;
pub use schema::{DEFAULTS, variable_of};
pub use settings::{Log, Needs, Settings, Webhook};
pub use starter::{Found, starter};
