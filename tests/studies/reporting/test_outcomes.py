"""What counts as an end, and what may be ranked."""

import polars as pl
import pytest

from studies.synthetic import DEMO, TABLE_1, diverged, image_records
from underdamped.studies.reporting.findings import findings, notes, percent, reservations
from underdamped.studies.reporting.outcomes import labels, outcomes, rank
from underdamped.studies.reporting.statistics import over_seeds

SGD, MOMENTUM, HSGMP, DMSGMP = DEMO


def with_final_accuracies(accuracies):
    """Records of one epoch that end in these test accuracies, in per cent, one list a method."""
    records = image_records(tuple(accuracies), seeds=max(map(len, accuracies.values())), epochs=1)
    final = {(name, seed): x / 100 for name, values in accuracies.items() for seed, x in enumerate(values)}
    rows = [
        row | {"test_accuracy": final[row["method"], row["seed"]] if row["epoch"] == 1 else 0.1}
        for row in records.iter_rows(named=True)
        if (row["method"], row["seed"]) in final
    ]
    return pl.DataFrame(rows, schema=records.schema)


def test_the_final_accuracy_is_the_last_epochs_mean_over_seeds():
    records = image_records(epochs=7)
    last = over_seeds(records.filter(pl.col("epoch") == 7), "test_accuracy", by=["method"])
    for outcome, row in zip(outcomes(records, 7), last.iter_rows(named=True), strict=True):
        assert outcome.method == row["method"]
        assert (outcome.complete, outcome.epoch, outcome.seeds) == (True, 7, (0, 1, 2))
        assert outcome.test.mean == pytest.approx(100 * row["mean"])
        assert outcome.test.high == pytest.approx(min(100 * row["high"], 100))


def test_a_seed_that_was_stopped_is_left_out_and_said():
    records = image_records().filter(~((pl.col("method") == HSGMP) & (pl.col("seed") == 1) & (pl.col("epoch") > 5)))
    outcome = outcomes(records, 12)[2]
    assert (outcome.seeds, outcome.unfinished, outcome.test.n) == ((0, 2), ((1, 5),), 2)
    assert "hSGMP, seed 1, has come to epoch 5 only and is left out." in reservations(outcomes(records, 12), {})


def test_a_method_that_never_ended_is_judged_where_all_its_seeds_were_and_not_ranked():
    stopped = (pl.col("method") == HSGMP) & (pl.col("epoch") > 4 + pl.col("seed"))
    judged = outcomes(image_records(best=0.5).filter(~stopped), 12)
    assert (judged[2].complete, judged[2].epoch, judged[2].seeds) == (False, 4, (0, 1, 2))
    assert judged[2] in rank(judged).unranked
    assert "hSGMP has come to epoch 4 only" in reservations(judged, {})


def test_a_diverged_seed_leaves_its_method_without_mean_or_rank():
    judged = outcomes(diverged(image_records(), SGD, seed=2, epoch=3), 12)
    assert (judged[0].diverged, judged[0].test.mean, judged[0].seeds) == (((2, 3),), None, (0, 1, 2))
    assert judged[0] in rank(judged).unranked
    assert "SGD diverged at epoch 3 (seed 2)." in reservations(judged, {})


def test_an_infinite_test_loss_is_a_divergence_too():
    records = image_records(epochs=2).with_columns(
        pl.when((pl.col("method") == SGD) & (pl.col("epoch") == 2))
        .then(float("inf"))
        .otherwise("test_loss")
        .alias("test_loss")
    )
    assert outcomes(records, 2)[0].diverged == ((0, 2), (1, 2), (2, 2))


def test_overlapping_intervals_are_not_ranked():
    judged = outcomes(with_final_accuracies({SGD: [97.0, 97.4, 97.8], MOMENTUM: [97.3, 97.5, 97.9]}), 1)
    ranking = rank(judged)
    assert (ranking.first, ranking.tied, ranking.below) == (judged[1], (judged[0],), ())
    text = findings(judged)
    assert "no ranking: the runs do not tell the methods apart" in text
    assert "below" not in text


def test_a_shared_first_place_is_called_shared():
    judged = outcomes(with_final_accuracies({SGD: [97.0, 98.0], MOMENTUM: [97.4, 97.6], HSGMP: [60.0, 60.1]}), 1)
    text = findings(judged)
    assert "SGD and classical momentum share the highest mean test accuracy, 97.50 %" in text
    assert not any("points above" in note for note in notes(judged))


def test_intervals_end_where_accuracies_do():
    judged = outcomes(with_final_accuracies({SGD: [99.0, 100.0], MOMENTUM: [0.0, 2.0]}), 1)
    assert judged[0].test.high == 100.0
    assert judged[1].test.low == 0.0


def test_separate_intervals_are():
    judged = outcomes(with_final_accuracies({SGD: [90.0, 90.1, 90.2], MOMENTUM: [97.3, 97.4, 97.5]}), 1)
    assert (rank(judged).first, rank(judged).below) == (judged[1], (judged[0],))
    text = findings(judged)
    # 4.3027 · 0.1/√3 = 0.248
    assert "is that of classical momentum: 97.40 % (95 % t-interval 97.15 to 97.65) over 3 seeds." in text
    assert text.endswith("The interval of SGD lies below it.")
    assert "7.30 points above the next, SGD" in notes(judged)[0]


def test_sentences_begin_with_a_capital_but_names_keep_their_letters():
    judged = outcomes(with_final_accuracies({SGD: [90.0, 90.1, 90.2], MOMENTUM: [97.3, 97.4, 97.5]}), 1)
    assert notes(judged)[0].startswith("Classical momentum is 7.30 points")
    for method, start in ((MOMENTUM, "Classical momentum diverged"), (HSGMP, "hSGMP diverged")):
        assert reservations(outcomes(diverged(image_records(), method, seed=2, epoch=3), 12), {}).startswith(start)


def test_a_single_seed_is_never_ranked_however_good():
    judged = outcomes(with_final_accuracies({SGD: [90.0, 90.1], MOMENTUM: [91.0, 91.3], HSGMP: [99.9]}), 1)
    text = findings(judged)
    assert "among the methods with an interval is that of classical momentum" in text
    assert "hSGMP has one seed only, and so no rank." in reservations(judged, {})


def test_seeds_that_are_all_alike_have_no_interval_and_no_rank():
    accuracies = {SGD: [90.0, 90.1, 90.2], MOMENTUM: [97.3, 97.4, 97.5], HSGMP: [99.3 + 0.1 / 3] * 3}
    judged = outcomes(with_final_accuracies(accuracies), 1)
    assert (judged[2].test.low, judged[2].test.high, judged[2].test.alike) == (None, None, True)
    assert percent(judged[2].test, judged[2]) == "99.33 (all seeds alike)"
    ranking = rank(judged)
    assert (ranking.first, ranking.unranked) == (judged[1], (judged[2],))
    assert "among the methods with an interval is that of classical momentum" in findings(judged)
    assert "All 3 seeds of hSGMP end at 99.33 %" in reservations(judged, {})
    assert "one seed" not in reservations(judged, {})


def test_no_ranking_when_every_method_is_alike_or_alone():
    alike = findings(outcomes(with_final_accuracies({SGD: [90.0] * 3, MOMENTUM: [91.0] * 3}), 1))
    assert alike.startswith("Seeds that are all alike give no interval, and so no ranking.")
    mixed = findings(outcomes(with_final_accuracies({SGD: [90.0], MOMENTUM: [91.0] * 3}), 1))
    assert mixed.startswith("No method has seeds that differ, which gives no interval, and so no ranking.")


def test_one_seed_each_gives_no_ranking():
    text = findings(outcomes(with_final_accuracies({SGD: [90.0], MOMENTUM: [91.0]}), 1))
    assert text == (
        "One seed a method gives no interval, and so no ranking. "
        "After 1 epoch the highest test accuracy recorded is 91.00 % (classical momentum)."
    )


def test_when_everything_diverged():
    records = image_records(epochs=3)
    for method in DEMO:
        for seed in range(3):
            records = diverged(records, method, seed, 2)
    assert findings(outcomes(records, 3)) == "Every method diverged: there is no accuracy to compare."


def test_one_method_alone_is_the_highest_of_nothing():
    assert "highest" not in findings(outcomes(image_records((SGD,)), 12))


def test_what_has_not_begun_is_said():
    judged = outcomes(image_records(DEMO[:2], seeds=2), 12)
    text = reservations(judged, {"seeds": (0, 1, 2)}, (SGD, MOMENTUM, HSGMP))
    assert "2 of 3 methods have begun" in text
    assert "SGD has begun with 2 of 3 seeds." in text
    assert reservations(judged, {"seeds": (0, 1)}, (SGD, MOMENTUM)) == ""


def test_the_notes_on_table_1_are_those_of_its_parameters():
    text = " ".join(notes(outcomes(image_records(TABLE_1, epochs=3, steps_an_epoch=500), 3)))
    faint = text[text.index("Hardly any momentum") : text.index("keep less than 1 %")]
    for parameters in ("α=10, m=0.1, h=1", "α=15, m=0.1, h=1", "m=1e-05", "h=2"):
        assert parameters in faint
    assert "m=10" not in faint
    assert "α=1, m" not in faint
    assert "factor of up to 100" in text  # 1 against 0.01


def test_a_momentum_that_is_lost_on_the_way_is_dated():
    text = " ".join(notes(outcomes(image_records(("dmSGMP α=1 m=0.9·0.9ᵏ h=0.1",), epochs=12), 12)))
    # m/(m + 0.1) < 0.01 first holds at step 65: 0.9 * 0.9^k < 0.1/99
    assert "dmSGMP has lost its momentum by epoch 5" in text


def test_names_carry_parameters_only_where_they_must():
    names = labels(TABLE_1)
    assert names["SGD η=0.01"] == "SGD"
    assert names["momentum η=0.01 ρ=0.9"] == "classical momentum"
    assert names["hSGMP α=10 m=0.1 h=2"] == "hSGMP (α=10, m=0.1, h=2)"
    assert len(set(names.values())) == 10
