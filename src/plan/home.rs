//! Where tickets are.

use serde::{Deserialize, Serialize};

/// The project that a state knows the tickets of. Ids of issues mean nothing anywhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Address of the site, as the site tells it.
    pub site: String,
    /// Key of the project, as it was when this was noted.
    pub project: String,
}
