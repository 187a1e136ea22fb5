//! Both languages, expression by expression.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod support;

use expect_test::{Expect, expect};
use support::{fields, problems, project, run, source};

const INPUT: &str = "id*:int32,i:int32,l:int64,d:double,s:string,t:stamp,day:date,m:money,n:double";
/// 1729154425 s is 2024-10-17 08:40:25; n is null.
const EVENT: &str = "1729154426.5: i,n,1,7,-3,2.5,Apex,1729154425000001,1729154425,12.34,";

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Each expression's value in a string field, or in the field type in front: `int32: 7 / 2`.
fn values(window: impl Fn(&str, &str) -> String, expressions: &[&str]) -> String {
    let typed = |text: &str| match text.split_once(": ") {
        Some((kind, text)) if kind.parse::<types::FieldType>().is_ok() => (kind.to_owned(), text.to_owned()),
        Some(_) | None => ("string".to_owned(), text.to_owned()),
    };
    let line = |text: &str| {
        let (kind, expression) = typed(text);
        let schema = fields(&format!("id*:int32,r:{kind}"));
        let text = project(
            &format!("{}{}", source("index=\"pi_EMPTY\"", INPUT), window(&schema, &xml(&expression))),
            &[("in", "out")],
        );
        let output = run(&text, EVENT, "out");
        output.strip_prefix("0 | I,N,1,").unwrap_or(&output).to_owned()
    };
    expressions.iter().map(|text| format!("{text} = {}", line(text))).collect()
}

fn check(expressions: &[&str], expected: Expect) {
    let window = |schema: &str, text: &str| {
        format!(
            "<window-compute name=\"out\">{schema}<output><field-expr>{text}</field-expr></output></window-compute>"
        )
    };
    expected.assert_eq(&values(window, expressions));
}

fn check_functions(expressions: &[&str], expected: Expect) {
    let window = |schema: &str, text: &str| {
        format!(
            "<window-functional name=\"out\">{schema}<function-context><functions><function name=\"r\">{text}\
             </function></functions></function-context></window-functional>"
        )
    };
    expected.assert_eq(&values(window, expressions));
}

#[test]
fn arithmetic_keeps_integers_until_a_real_joins_in() {
    check(
        &[
            "i + l",
            "i * d",
            "i / 2",
            "-i / 2",
            "i / 2.0",
            "7 % 4",
            "-7 % 4",
            "i / 0",
            "d / 0",
            "2 + 3 * 4 - 1",
            "(2 + 3) * 4",
            "-d",
            "9223372036854775807 + 1",
            "m + 1",
            "'5' + 1",
            "'x' + 1",
            "1e3",
            "int32: d",
            "int32: 3000000000",
            "int64: -2.9",
            "money: 1.00005",
            "double: i",
        ],
        expect![[r#"
            i + l = 4
            i * d = 17.5
            i / 2 = 3
            -i / 2 = -3
            i / 2.0 = 3.5
            7 % 4 = 3
            -7 % 4 = -3
            i / 0 = 
            d / 0 = 
            2 + 3 * 4 - 1 = 13
            (2 + 3) * 4 = 20
            -d = -2.5
            9223372036854775807 + 1 = 
            m + 1 = 13.34
            '5' + 1 = 6
            'x' + 1 = 
            1e3 = 1000
            int32: d = 2
            int32: 3000000000 = 
            int64: -2.9 = -2
            money: 1.00005 = 1.0001
            double: i = 7
        "#]],
    );
}

#[test]
fn comparisons_are_never_null() {
    check(
        &[
            "i == 7",
            "i = 7.0",
            "i <> 7",
            "l < 0 and d >= 2.5",
            "n > 1",
            "n <= 1",
            "n == n",
            "not n > 1",
            "n == null",
            "isnull(n)",
            "isnull(i)",
            "s == 'Apex'",
            "s == \"apex\"",
            "s > 'A'",
            "'10' < 9",
            "i in (1, 7, 9)",
            "s in ('x','y')",
            "not i == 7 or true",
            "int32: i == 7",
            "i == '7'",
            "n or i",
        ],
        expect![[r#"
            i == 7 = true
            i = 7.0 = true
            i <> 7 = false
            l < 0 and d >= 2.5 = true
            n > 1 = false
            n <= 1 = false
            n == n = false
            not n > 1 = true
            n == null = false
            isnull(n) = true
            isnull(i) = false
            s == 'Apex' = true
            s == "apex" = false
            s > 'A' = true
            '10' < 9 = false
            i in (1, 7, 9) = true
            s in ('x','y') = false
            not i == 7 or true = true
            int32: i == 7 = 1
            i == '7' = true
            n or i = true
        "#]],
    );
}

#[test]
fn conditions_choose() {
    check(
        &[
            "if(i > 5, 'big', 'small')",
            "if(n > 5, 1, 2.5)",
            "if(n > 5, 1)",
            "if i > 5 then 'big' else 'small'",
            "if (i > 5) return 'big'\nreturn 'small'",
            "if i > 9 then return 1\nelse if i > 5 then return 2\nelse return 3",
            "if(isnull(n), null, n)",
        ],
        expect![[r#"
            if(i > 5, 'big', 'small') = big
            if(n > 5, 1, 2.5) = 2.5
            if(n > 5, 1) = 
            if i > 5 then 'big' else 'small' = big
            if (i > 5) return 'big'
            return 'small' = big
            if i > 9 then return 1
            else if i > 5 then return 2
            else return 3 = 2
            if(isnull(n), null, n) = 
        "#]],
    );
}

#[test]
fn programs_declare_and_loop() {
    check(
        &[
            "integer x\nx = i * 2\nreturn x + 1",
            "integer x; x = 0; integer k\nfor k = 1 to 4 begin\n x = x + k\nend\nx",
            "integer k\nk = 10\nwhile k > 3 k = k - 2\nreturn k",
            "real r\nr = 7\nr / 2",
            "string(20) u\nu = s & '!'\nu",
            "integer k\nk = 0\nwhile true k = k + 1\nreturn k // never ends, yet ends",
            "/* nothing */ i",
            "for k = 3 to 1 step -1 begin if k == 2 then return k end",
        ],
        expect![[r#"
            integer x
            x = i * 2
            return x + 1 = 15
            integer x; x = 0; integer k
            for k = 1 to 4 begin
             x = x + k
            end
            x = 10
            integer k
            k = 10
            while k > 3 k = k - 2
            return k = 2
            real r
            r = 7
            r / 2 = 3.5
            string(20) u
            u = s & '!'
            u = Apex!
            integer k
            k = 0
            while true k = k + 1
            return k // never ends, yet ends = 1000001
            /* nothing */ i = 7
            for k = 3 to 1 step -1 begin if k == 2 then return k end = 2
        "#]],
    );
}

#[test]
fn library_functions() {
    check(
        &[
            "abs(l)",
            "ceil(d)",
            "floor(-d)",
            "round(d)",
            "round(2.345, 2)",
            "min(3, i, 5)",
            "max(i, d)",
            "mod(7, 4)",
            "pow(2, 10)",
            "sqrt(16)",
            "sqrt(-1)",
            "exp(0)",
            "log(1)",
            "len('äb')",
            "trim('  a ')",
            "upper(s)",
            "lower(s)",
            "left(s, 2)",
            "right(s, 2)",
            "mid(s, 2, 2)",
            "mid(s, 3)",
            "instr(s, 'pe')",
            "instr(s, 'z')",
            "replace('a-b-c', '-', '+')",
            "replace('a-b-c', '-', '+', 1)",
            "asc('A')",
            "chr(66)",
            "compare('a', 'b')",
            "edit_distance('kitten', 'sitting')",
            "isalpha('ab')",
            "isnumber('1.5')",
            "isblank('  ')",
            "isblank(n)",
            "match_string(s, 'A*x')",
            "toreal('2.5') + 1",
            "tointeger('12.9')",
            "tostring(i) & d",
            "s & n & i",
        ],
        expect![[r#"
            abs(l) = 3
            ceil(d) = 3
            floor(-d) = -3
            round(d) = 3
            round(2.345, 2) = 2.35
            min(3, i, 5) = 3
            max(i, d) = 7
            mod(7, 4) = 3
            pow(2, 10) = 1024
            sqrt(16) = 4
            sqrt(-1) = 
            exp(0) = 1
            log(1) = 0
            len('äb') = 2
            trim('  a ') = a
            upper(s) = APEX
            lower(s) = apex
            left(s, 2) = Ap
            right(s, 2) = ex
            mid(s, 2, 2) = pe
            mid(s, 3) = ex
            instr(s, 'pe') = 2
            instr(s, 'z') = 0
            replace('a-b-c', '-', '+') = a+b+c
            replace('a-b-c', '-', '+', 1) = a+b-c
            asc('A') = 65
            chr(66) = B
            compare('a', 'b') = -1
            edit_distance('kitten', 'sitting') = 3
            isalpha('ab') = true
            isnumber('1.5') = true
            isblank('  ') = true
            isblank(n) = true
            match_string(s, 'A*x') = true
            toreal('2.5') + 1 = 3.5
            tointeger('12.9') = 12
            tostring(i) & d = 72.5
            s & n & i = Apex7
        "#]],
    );
}

#[test]
fn dates_are_utc_and_today_is_the_record() {
    check(
        &[
            "t",
            "day",
            "today()",
            "t - day",
            "day + 1",
            "stamp: day + 0.5",
            "date: t",
            "stamp: '2024-10-17 08:40:25'",
            "t > day",
            "toreal(day)",
            "formatdate(t, 'DD.MM.YYYY hh:mm:ss')",
            "int64: day",
        ],
        expect![[r#"
            t = 2024-10-17 08:40:25.000001
            day = 2024-10-17 08:40:25
            today() = 2024-10-17 08:40:26.500000
            t - day = 0.000000000011574074074074074
            day + 1 = 2024-10-18 08:40:25
            stamp: day + 0.5 = 1729197625000000
            date: t = 1729154425
            stamp: '2024-10-17 08:40:25' = 1729154425000000
            t > day = true
            toreal(day) = 45582.36140046296
            formatdate(t, 'DD.MM.YYYY hh:mm:ss') = 17.10.2024 08:40:25
            int64: day = 45582
        "#]],
    );
}

#[test]
fn functions_of_the_functional_language() {
    check_functions(
        &[
            "sum($i,$l,1)",
            "sum('1','2.5')",
            "diff($d,1)",
            "product($i,2)",
            "quotient(7,2)",
            "mod(7,4)",
            "min(3,$d)",
            "max($i,$l)",
            "abs($l)",
            "floor($d)",
            "round($d)",
            "precision($d,2)",
            "integer('12.7')",
            "number('2.50')",
            "equals($s,'Apex')",
            "gt('10','9')",
            "and(gt($i,1),lt($l,0))",
            "or(false,equals(1,2))",
            "not(isNull($n))",
            "if(gt($i,5),'big','small')",
            "if(isNull($n),0,$n)",
            "ifNext(gt($i,9),'a',gt($i,5),'b','c')",
            "string($s,':',$i)",
            "concat($s,$n,'!')",
            "substring($s,1,2)",
            "stringLength($s)",
            "normalizeSpace('  a   b ')",
            "translate('2024-10','-','/')",
            "toUpper($s)",
            "indexOf($s,'ex')",
            "indexOf($s,'z')",
            "contains($s,'pe')",
            "startsWith($s,'A')",
            "timeParse('2024-10-17 08:40:25','%Y-%m-%d %H:%M:%S')",
            "timeString($day,'%H:%M')",
            "timeSecondOfDay($day)",
            "timeDayOfWeek($day)",
            "timeCurrent()",
            "systemMicro()",
            "eventNumber()",
            "input()",
            "opcode()",
            "int64: sum($t,1)",
            "stamp: product($day,1000000)",
            "random(5,5)",
        ],
        expect![[r#"
            sum($i,$l,1) = 5
            sum('1','2.5') = 3.5
            diff($d,1) = 1.5
            product($i,2) = 14
            quotient(7,2) = 3.5
            mod(7,4) = 3
            min(3,$d) = 2.5
            max($i,$l) = 7
            abs($l) = 3
            floor($d) = 2
            round($d) = 3
            precision($d,2) = 2.50
            integer('12.7') = 12
            number('2.50') = 2.5
            equals($s,'Apex') = true
            gt('10','9') = true
            and(gt($i,1),lt($l,0)) = true
            or(false,equals(1,2)) = false
            not(isNull($n)) = false
            if(gt($i,5),'big','small') = big
            if(isNull($n),0,$n) = 0
            ifNext(gt($i,9),'a',gt($i,5),'b','c') = b
            string($s,':',$i) = Apex:7
            concat($s,$n,'!') = Apex!
            substring($s,1,2) = pe
            stringLength($s) = 4
            normalizeSpace('  a   b ') = a b
            translate('2024-10','-','/') = 2024/10
            toUpper($s) = APEX
            indexOf($s,'ex') = 2
            indexOf($s,'z') = -1
            contains($s,'pe') = true
            startsWith($s,'A') = true
            timeParse('2024-10-17 08:40:25','%Y-%m-%d %H:%M:%S') = 1729154425
            timeString($day,'%H:%M') = 08:40
            timeSecondOfDay($day) = 31225
            timeDayOfWeek($day) = 4
            timeCurrent() = 1729154426
            systemMicro() = 1729154426500000
            eventNumber() = 0
            input() = in
            opcode() = insert
            int64: sum($t,1) = 1729154425000002
            stamp: product($day,1000000) = 1729154425000000
            random(5,5) = 5
        "#]],
    );
}

/// A project with one field-expr, written as it stands.
fn compute(initialize: &str, expression: &str) -> String {
    let window = format!(
        "<window-compute name=\"out\">{initialize}{}<output><field-expr><![CDATA[{expression}]]></field-expr></output>\
         </window-compute>",
        fields("id*:int32,r:double")
    );
    project(&format!("{}\n{window}", source("", "id*:int32,price:double")), &[("in", "out")])
}

#[test]
fn functions_of_the_project_see_their_parameters_as_texts() {
    let initialize = "<expr-initialize><initializer type=\"integer\">integer base\nbase = 100</initializer>\
                      <udfs><udf name=\"double_it\" type=\"double\">return parameter(1) * 2 + base</udf></udfs></expr-initialize>";
    expect![[r#"
        0 | I,N,1,103
    "#]]
    .assert_eq(&run(&compute(initialize, "double_it(price)"), "0: i,n,1,1.5", "out"));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
    let told = |expression: &str| {
        let text = problems(&compute("", expression));
        // The source line is long; the first line and the suggestion say it all.
        let first = text.lines().next().unwrap_or_default().to_owned();
        match text.split_once("did you mean ") {
            Some((_, meant)) => format!("{first} ... {}\n", meant.lines().next().unwrap()),
            None => format!("{first}\n"),
        }
    };
    let all: String = [
        "pricee * 2",
        "price +",
        "rount(price)",
        "round()",
        "x = 1",
        "price * (2",
        "'open",
        "parameter(1)",
        "integer id\nid",
    ]
    .map(told)
    .concat();
    expect![[r#"
        The expression for field "r" of window "cq/out" can't be compiled.  test.xml:2:176: there is no field or variable "pricee". ... "price"?
        The expression for field "r" of window "cq/out" can't be compiled.  test.xml:2:183: a value is expected here, not the end.
        The expression for field "r" of window "cq/out" can't be compiled.  test.xml:2:176: there is no function "rount". ... "round"?
        The expression for field "r" of window "cq/out" can't be compiled.  test.xml:2:176: round takes 1 to 2 arguments, not 0.
        The expression for field "r" of window "cq/out" can't be compiled.  test.xml:2:176: there is no variable "x".
        The expression for field "r" of window "cq/out" can't be compiled.  test.xml:2:186: ")" is expected here, not the end.
        The expression for field "r" of window "cq/out" can't be compiled.  test.xml:2:176: this text has no closing quote.
        The expression for field "r" of window "cq/out" can't be compiled.  test.xml:2:176: parameter(n) works in functions of the project only.
        The expression for field "r" of window "cq/out" can't be compiled.  test.xml:2:184: "id" is a field of the input already.
    "#]].assert_eq(&all);
}

#[test]
fn texts_and_programs_have_bounds() {
    let doubling = "string u\nif isnull(u) then u = '0123456789'\nu = u & u\nreturn len(u)";
    let events: String = (0..25).map(|id| format!("0: i,n,{id},1\n")).collect();
    let output = run(&compute("", doubling), &events, "out");
    assert!(output.ends_with("24 | I,N,24,1048576\n"), "{output}");

    let chain = vec!["1"; 2_000].join("+");
    assert!(problems(&compute("", &chain)).contains("a statement has 1000 operators at most"));
    let deep = format!("{}1{}", "(".repeat(100), ")".repeat(100));
    assert!(problems(&compute("", &deep)).contains("more than 64 levels"));
}

#[test]
fn wrong_functions_are_told_too() {
    let window = format!(
        "<window-functional name=\"out\">{}<function-context><functions><function name=\"r\">sun($pricee, 1)</function>\
         <function name=\"q\">sum($r, json('x'))</function></functions></function-context></window-functional>",
        fields("id*:int32,r:double")
    );
    let text = problems(&project(&format!("{}\n{window}", source("", "id*:int32,price:double")), &[("in", "out")]));
    let lines: String =
        text.lines().filter(|line| line.starts_with("Function")).map(|line| format!("{line}\n")).collect();
    expect![[r#"
        Function "r" of window "cq/out" can't be compiled.  test.xml:2:203: there is no field or earlier function "pricee".
        Function "q" of window "cq/out" can't be compiled.  test.xml:2:251: there is no function "json".
    "#]].assert_eq(&lines);
}
