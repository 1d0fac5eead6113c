"""Children as Hypothesis draws them: any concerns, facts and answers the policy knows."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from tests.samples.golden import POLICY, Child, Reporter

BOOLEAN_FACTS = sorted(
    name
    for name, fact in POLICY.facts.items()
    if fact.type == "boolean" and name not in ("age_estimated", "pure_consultation", "not_a_minor", "outside_township")
)
CONCERNS = [concern.code for concern in POLICY.concerns]

moments = st.integers(
    int(datetime(2022, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2028, 12, 31, tzinfo=UTC).timestamp())
).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
levels = st.sampled_from([level.code for level in POLICY.levels])


@st.composite
def children(draw: st.DrawFn) -> Child:
    facts: dict[str, object] = draw(st.dictionaries(st.sampled_from(BOOLEAN_FACTS), st.booleans(), max_size=8))
    age = draw(st.none() | st.integers(0, 17))
    if age is not None:
        facts["age"] = age
        facts["age_estimated"] = draw(st.booleans())
    if draw(st.integers(0, 9)) == 0:
        facts["conflict_unit"] = draw(st.sampled_from(sorted(POLICY.departments_by_code)))
    answers = {
        factor.code: draw(st.sampled_from([*(option.code for option in factor.options), "unknown"]))
        for factor in POLICY.risk.factors
    }
    concerns = draw(st.lists(st.sampled_from(CONCERNS), min_size=1, max_size=4, unique=True))
    return Child(tuple(concerns), facts, answers)


@st.composite
def reporters(draw: st.DrawFn) -> Reporter:
    kind = draw(st.sampled_from(POLICY.reporter_kinds))
    return Reporter(kind.code, kind.mandated)
