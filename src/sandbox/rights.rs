//! What accounts may do, and what they are told when they may not.

use std::collections::{BTreeMap, BTreeSet};

/// Something that an account may be allowed to do in the projects of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// See projects and issues. Without it: 404, absent from searches and bulk reads, unknown in queries.
    Browse,
    /// Without it: 403, and `createmeta` is empty.
    Create,
    /// Without it: 400 that calls each field "not on the appropriate screen", as Jira does; 403 for properties.
    Edit,
    /// Without it: an empty list of transitions, and so 400 for any id.
    Transition,
    /// Without it: 403, and the field of the assignee is on no screen.
    Assign,
    /// Without it: the due date is on no screen.
    Schedule,
    /// Without it: a way whose screen has a resolution is not offered, and fix versions are on no screen.
    Resolve,
    /// Without it: the reporter is on no screen.
    ModifyReporter,
    /// Be assigned to. Without it: left out of the assignable people, and refused with 400.
    BeAssigned,
    /// Without it: no security level is told, and the field is on no screen.
    SetSecurity,
    /// Add and take away watchers other than oneself. Without it: 403.
    ManageWatchers,
    /// Without it: 403.
    Comment,
    /// Without it: 403.
    Link,
    /// Without it: 403.
    Attach,
    /// Take away files that the account attached itself. Without it: 403.
    DeleteOwnAttachments,
    /// Take away anybody's files. Nobody has it unless it is given.
    DeleteAllAttachments,
    /// Without it: 403.
    Delete,
    /// Write properties of projects. Without it: 403.
    AdministerProjects,
    /// Rename and archive projects, archive issues. Nobody has it unless it is given.
    AdministerJira,
}

/// Deviations from the rule that everybody may do everything but what an administrator must give.
#[derive(Default)]
pub(crate) struct Rights {
    changed: BTreeMap<String, BTreeSet<Permission>>,
}

impl Permission {
    /// As `mypermissions` names it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Browse => "BROWSE_PROJECTS",
            Self::Create => "CREATE_ISSUES",
            Self::Edit => "EDIT_ISSUES",
            Self::Transition => "TRANSITION_ISSUES",
            Self::Assign => "ASSIGN_ISSUES",
            Self::Schedule => "SCHEDULE_ISSUES",
            Self::Resolve => "RESOLVE_ISSUES",
            Self::ModifyReporter => "MODIFY_REPORTER",
            Self::BeAssigned => "ASSIGNABLE_USER",
            Self::SetSecurity => "SET_ISSUE_SECURITY",
            Self::ManageWatchers => "MANAGE_WATCHERS",
            Self::Comment => "ADD_COMMENTS",
            Self::Link => "LINK_ISSUES",
            Self::Attach => "CREATE_ATTACHMENTS",
            Self::DeleteOwnAttachments => "DELETE_OWN_ATTACHMENTS",
            Self::DeleteAllAttachments => "DELETE_ALL_ATTACHMENTS",
            Self::Delete => "DELETE_ISSUES",
            Self::AdministerProjects => "ADMINISTER_PROJECTS",
            Self::AdministerJira => "ADMINISTER",
        }
    }

    /// The permission that `mypermissions` names so; `None` for those that only exist in name.
    pub(crate) fn named(key: &str) -> Option<Self> {
        [
            Self::Browse,
            Self::Create,
            Self::Edit,
            Self::Transition,
            Self::Assign,
            Self::Schedule,
            Self::Resolve,
            Self::ModifyReporter,
            Self::BeAssigned,
            Self::SetSecurity,
            Self::ManageWatchers,
            Self::Comment,
            Self::Link,
            Self::Attach,
            Self::DeleteOwnAttachments,
            Self::DeleteAllAttachments,
            Self::Delete,
            Self::AdministerProjects,
            Self::AdministerJira,
        ]
        .into_iter()
        .find(|permission| permission.key() == key)
    }

    /// The text of a refusal.
    pub(crate) fn refusal(self) -> &'static str {
        match self {
            Self::Browse => "Issue does not exist or you do not have permission to see it.",
            Self::Create => "You do not have permission to create issues in this project.",
            Self::Edit => "You do not have permission to edit issues in this project.",
            Self::Transition => "You do not have permission to transition issues in this project.",
            Self::Assign => "You do not have permission to assign issues.",
            Self::Schedule => "You do not have permission to schedule issues.",
            Self::Resolve => "You do not have permission to resolve issues in this project.",
            Self::ModifyReporter => "You do not have permission to modify the reporter.",
            Self::BeAssigned => "The user cannot be assigned issues.",
            Self::SetSecurity => "You do not have permission to set the security level.",
            Self::ManageWatchers => "You do not have permission to manage the watcher list.",
            Self::Comment => "You do not have the permission to comment on this issue.",
            Self::Link => "No Link Issue Permission for issue.",
            Self::Attach => "You do not have permission to create attachments for this issue.",
            Self::DeleteOwnAttachments | Self::DeleteAllAttachments => {
                "You do not have permission to delete this attachment."
            }
            Self::Delete => "You do not have permission to delete issues in this project.",
            Self::AdministerProjects => "You do not have permission to administer this project.",
            Self::AdministerJira => "You do not have permission to administer Jira.",
        }
    }

    fn by_default(self) -> bool {
        !matches!(self, Self::AdministerJira | Self::DeleteAllAttachments)
    }
}

impl Rights {
    pub(crate) fn allow(&self, account: &str, permission: Permission) -> bool {
        let changed = self.changed.get(account).is_some_and(|changed| changed.contains(&permission));
        permission.by_default() != changed
    }

    pub(crate) fn set(&mut self, account: &str, permission: Permission, allowed: bool) {
        let changed = self.changed.entry(account.to_owned()).or_default();
        if permission.by_default() == allowed {
            changed.remove(&permission);
        } else {
            changed.insert(permission);
        }
    }
}
