//! Reading of lists and texts that are kept by the hundred thousand: each is taken from the allocator once, and has no
//! room left over. What serde makes of a list grows as it is read, and of an `Arc<str>` it makes a `String` first; over a
//! long journal that costs more than reading.

use std::{fmt, marker::PhantomData, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use smallvec::SmallVec;

/// Lists up to this length are put together on the stack.
const SHORT: usize = 16;

/// Reads a list.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct List<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut list: SmallVec<[T; SHORT]> = SmallVec::new();
            while let Some(item) = items.next_element()? {
                list.push(item);
            }
            let mut list = list.into_vec();
            list.shrink_to_fit();
            Ok(list)
        }
    }

    deserializer.deserialize_seq(List(PhantomData))
}

/// Reads a text.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    Shared::deserialize(deserializer).map(|Shared(text)| text)
}

/// Reads a list of texts.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<str>>, D::Error> {
    Ok(list(deserializer)?.into_iter().map(|Shared(text)| text).collect())
}

/// Reads a list of texts, each with a number.
pub(crate) fn counts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(Arc<str>, u32)>, D::Error> {
    Ok(list(deserializer)?.into_iter().map(|(Shared(text), count)| (text, count)).collect())
}

struct Shared(Arc<str>);

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Direct;

        impl Visitor<'_> for Direct {
            type Value = Shared;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Shared, E> {
                Ok(Shared(text.into()))
            }
        }

        deserializer.deserialize_str(Direct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Read {
        #[serde(deserialize_with = "texts")]
        names: Vec<Arc<str>>,
        #[serde(deserialize_with = "counts")]
        states: Vec<(Arc<str>, u32)>,
    }

    #[test]
    fn a_list_has_no_room_left_over_however_long_it_is() {
        for length in [0, 1, SHORT, SHORT + 1, 1_000] {
            let names: Vec<String> = (0..length).map(|one| format!("D-\"{one}\"")).collect();
            let states: Vec<(&String, usize)> = names.iter().zip(0..).collect();
            let text = serde_json::json!({ "names": names, "states": states }).to_string();
            let read: Read = serde_json::from_str(&text).unwrap();
            assert_eq!((read.names.capacity(), read.states.capacity()), (length, length));
            assert!(read.names.iter().map(|name| &**name).eq(names.iter().map(String::as_str)));
            assert!(
                read.states
                    .iter()
                    .map(|(name, count)| (&**name, *count as usize))
                    .eq(states.iter().map(|(name, count)| (name.as_str(), *count)))
            );
        }
    }
}
