//! What stands behind the `?`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use super::error::ApiError;
use crate::domain::EnvId;
use crate::store::Page;

/// Rows of a list when the request does not say.
const DEFAULT_LIMIT: u32 = 100;
/// Most rows of one answer.
const MAX_LIMIT: u32 = 1_000;
/// Longest query that is read; every one of ours is far shorter.
const MAX_QUERY_BYTES: usize = 2_048;

/// The parameters of a request. Each is taken once; what is left over at the end is refused, so that a mistyped
/// filter never looks like an empty one.
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads `name=value&…`.
    pub(super) fn parse(raw: &str) -> Result<Query, ApiError> {
        if raw.len() > MAX_QUERY_BYTES {
            return Err(ApiError::Malformed(format!("the query may have {MAX_QUERY_BYTES} bytes at most")));
        }
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            if parameters.insert(name.to_string(), value.to_string()).is_some() {
                return Err(ApiError::Malformed(format!("parameter {:?} stands twice", shown(&name))));
            }
        }
        Ok(Query(parameters))
    }

    /// One parameter, if it is there.
    pub(super) fn take<T>(&mut self, name: &str) -> Result<Option<T>, ApiError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let parse = |value: String| value.parse().map_err(|error: T::Err| ApiError::invalid(name, error));
        self.0.remove(name).map(parse).transpose()
    }

    /// `limit` and `cursor`.
    pub(super) fn page(&mut self) -> Result<Page, ApiError> {
        let limit = self.take::<u32>("limit")?.unwrap_or(DEFAULT_LIMIT);
        if limit == 0 || limit > MAX_LIMIT {
            return Err(ApiError::invalid("limit", format!("must be 1 to {MAX_LIMIT}, not {limit}")));
        }
        let after = self.take::<String>("cursor")?.map(|cursor| {
            cursor.parse::<u64>().map_err(|_| ApiError::invalid("cursor", "must be one that an answer gave"))
        });
        Ok(Page { limit, after: after.transpose()? })
    }

    /// Refuses what nobody took.
    pub(super) fn end(self) -> Result<(), ApiError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(ApiError::Malformed(format!("there is no parameter {:?} here", shown(name)))),
        }
    }

    /// Refuses every parameter.
    pub(super) fn none(raw: &str) -> Result<(), ApiError> {
        Query::parse(raw)?.end()
    }
}

/// Refuses a well-formed environment id that no environment has.
pub(super) fn known(field: &str, environment: &EnvId) -> Result<(), ApiError> {
    match crate::sim::task(environment) {
        Some(_) => Ok(()),
        None => Err(ApiError::invalid(
            field,
            format!("there is no environment {environment}; `kinitro list-envs` shows all"),
        )),
    }
}

fn shown(name: &str) -> String {
    crate::domain::printable(name, 40)
}

/// A part of a list that is short enough to be read whole, and the cursor of the next part.
pub(super) fn part_of<T>(all: Vec<T>, page: Page) -> (Vec<T>, Option<String>) {
    let start = usize::try_from(page.after.unwrap_or(0)).unwrap_or(usize::MAX);
    let end = start.saturating_add(page.limit as usize);
    let next = (end < all.len()).then(|| end.to_string());
    (all.into_iter().skip(start).take(page.limit as usize).collect(), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_once_and_leftovers_refused() {
        let mut query = Query::parse("uid=7&limit=5&cursor=12").unwrap();
        assert_eq!(query.take::<u16>("uid").unwrap(), Some(7));
        let page = query.page().unwrap();
        assert_eq!((page.limit, page.after), (5, Some(12)));
        query.end().unwrap();
        assert!(matches!(Query::none("udi=7"), Err(ApiError::Malformed(_))));
        assert!(matches!(Query::parse("a=1&a=2"), Err(ApiError::Malformed(_))));
    }

    #[test]
    fn limits_and_cursors_out_of_range_name_their_field() {
        for raw in ["limit=0", "limit=1001", "limit=x", "cursor=-1", "cursor=é"] {
            let field = raw.split('=').next().unwrap();
            let error = Query::parse(raw).unwrap().page().unwrap_err();
            assert!(matches!(error, ApiError::Invalid { field: named, .. } if named == field), "{raw}");
        }
    }

    #[test]
    fn parts_of_a_list_join_up() {
        let page = |after| Page { limit: 2, after };
        assert_eq!(part_of(vec![1, 2, 3], page(None)), (vec![1, 2], Some("2".into())));
        assert_eq!(part_of(vec![1, 2, 3], page(Some(2))), (vec![3], None));
        assert_eq!(part_of(vec![1, 2, 3], page(Some(u64::MAX))), (vec![], None));
    }
}
