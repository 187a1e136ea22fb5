//! Times: seconds since 1970-01-01, in UTC; the host's time zone counts nowhere.

use crate::calendar::{self, Civil, SECOND};
use crate::expression::call::{Answer, Function, INT, Scalar, TEXT, fixed, optional};
use crate::expression::program::Type;

/// How times are read and written without a format.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

pub(super) const FUNCTIONS: &[Function] = &[
    optional("timeParse", &[TEXT, TEXT], 1, Type::Int, |arguments, _| {
        let format = arguments.get(1).map_or(FORMAT, |format| format.text());
        calendar::strptime(arguments[0].text(), format)
            .map_or(Answer::Null, |micros| Answer::Int(micros.div_euclid(SECOND)))
    }),
    optional("timeString", &[INT, TEXT], 1, Type::Text, write),
    optional("timeGmtString", &[INT, TEXT], 1, Type::Text, write),
    fixed("timeGmtToLocal", &[INT], Type::Int, |arguments, _| Answer::Int(arguments[0].int())),
    fixed("timeIsDst", &[INT], Type::Bool, |_, _| Answer::Int(0)),
    fixed("timeSecond", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int(i64::from(at.second))
    }),
    fixed("timeMinute", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int(i64::from(at.minute))
    }),
    fixed("timeHour", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int(i64::from(at.hour))
    }),
    fixed("timeSecondOfDay", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int((i64::from(at.hour) * 60 + i64::from(at.minute)) * 60 + i64::from(at.second))
    }),
    fixed("timeMinuteOfDay", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int(i64::from(at.hour) * 60 + i64::from(at.minute))
    }),
    fixed("timeDayOfMonth", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int(i64::from(at.day))
    }),
    fixed("timeDayOfWeek", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int(i64::from(at.weekday))
    }),
    fixed("timeDayOfYear", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int(i64::from(at.day_of_year))
    }),
    fixed("timeMonth", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int(i64::from(at.month))
    }),
    fixed("timeYear", &[INT], Type::Int, |arguments, _| {
        let at = civil(arguments);
        Answer::Int(at.year)
    }),
];

fn write(arguments: &[Scalar<'_>], text: &mut String) -> Answer {
    let format = arguments.get(1).map_or(FORMAT, |format| format.text());
    match arguments[0].int().checked_mul(SECOND) {
        Some(micros) => {
            calendar::strftime(text, micros, format);
            Answer::Text
        }
        None => Answer::Null,
    }
}

fn civil(arguments: &[Scalar<'_>]) -> Civil {
    calendar::civil(arguments[0].int().saturating_mul(SECOND))
}
