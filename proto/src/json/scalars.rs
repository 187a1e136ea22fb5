//! What numbers, texts and the like have in common where none of them belongs.

/// The visits of values that are neither array nor object, all alike: a bounded text is handed on.
macro_rules! scalars {
    (|$self:ident, $text:ident| $then:expr) => {
        fn visit_i64<E>($self, value: i64) -> Result<Self::Value, E> {
            let $text = &value.to_string();
            Ok($then)
        }

        fn visit_u64<E>($self, value: u64) -> Result<Self::Value, E> {
            let $text = &value.to_string();
            Ok($then)
        }

        fn visit_f64<E>($self, value: f64) -> Result<Self::Value, E> {
            let $text = ryu::Buffer::new().format(value).to_owned();
            let $text = &$text;
            Ok($then)
        }

        fn visit_bool<E>($self, value: bool) -> Result<Self::Value, E> {
            let $text = if value { "true" } else { "false" };
            Ok($then)
        }

        fn visit_unit<E>($self) -> Result<Self::Value, E> {
            let $text = "null";
            Ok($then)
        }

        fn visit_str<E>($self, value: &str) -> Result<Self::Value, E> {
            let $text = &excerpt(value.trim().as_bytes());
            Ok($then)
        }
    };
}

pub(super) use scalars;
