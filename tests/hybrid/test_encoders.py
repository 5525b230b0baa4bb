import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from qloop.core.errors import InvalidValueError
from qloop.core.rng import make_rng
from qloop.hybrid.encoders import ENCODERS, Autoencoder, ColumnEncoder, FeatureSelection, PCAEncoder, make_encoder

QUICK = {"epochs": 1}


@parametrize_with_checks([PCAEncoder(1), ColumnEncoder(1), Autoencoder(1, **QUICK), FeatureSelection(1, **QUICK)])
def test_scikit_learn_takes_them_for_its_own(estimator, check):
    check(estimator)


def cases(count=60, columns=6, seed=0):
    rng = make_rng(seed, "cases")
    return rng.standard_normal((count, columns)), rng.integers(2, size=count)


def quick(name, num_qubits=2):
    encoder = make_encoder(name, num_qubits, seed=3)
    return encoder.set_params(epochs=5) if "epochs" in encoder.get_params() else encoder


def test_angles_by_hand():
    # Mean 3 and deviation 2: a value of 5 is one deviation, half the span; 11 is four of them, cut at the span.
    encoder = ColumnEncoder(num_qubits=1, span=1.0).fit([[1.0], [5.0]])
    np.testing.assert_allclose(encoder.transform([[3.0], [5.0], [-1.0], [11.0]]).ravel(), [0, 0.5, -1, 1])


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_keeps_the_promised_scale(name):
    X, y = cases()
    angles = quick(name).fit(X, y).transform(X)
    assert angles.shape == (60, 2)
    assert np.abs(angles).max() <= np.pi / 2
    # Cutting the few beyond two deviations shrinks the spread a little, never widens it.
    assert np.abs(angles.mean(axis=0)).max() < 0.1
    assert (angles.std(axis=0) < np.pi / 4 + 1e-9).all()
    assert (angles.std(axis=0) > 0.6).all()


@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_tested_on_is_not_learned_from(name):
    X, y = cases()
    encoder = quick(name).fit(X[:40], y[:40])
    alone = encoder.transform(X[40:45])
    np.testing.assert_allclose(encoder.transform(X[40:])[:5], alone, rtol=1e-9)
    assert np.array_equal(clone(encoder).fit(X[:40], y[:40]).transform(X[40:45]), alone)


@pytest.mark.parametrize("name", ["autoencoder", "denoiser", "selection"])
def test_training_follows_from_the_seed_alone(name):
    X, y = cases()
    torch.manual_seed(1)
    first = quick(name).fit(X, y).transform(X)
    torch.manual_seed(2)
    assert np.array_equal(quick(name).fit(X, y).transform(X), first)


@settings(max_examples=20)
@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_standardized_encoders_do_not_see_units(factor, shift):
    X, _ = cases(30)
    changed = X * [factor, 1, 1, 1, 1, 1] + shift
    for encoder in (PCAEncoder(3), ColumnEncoder(3)):
        np.testing.assert_allclose(encoder.fit_transform(changed), encoder.fit_transform(X), atol=1e-8)


def test_pca_is_scikit_learns_whitened():
    X, _ = cases()
    expected = np.pi / 4 * PCA(2, whiten=True).fit_transform(X) * np.sqrt(60 / 59)
    angles = PCAEncoder(2, standardize=False).fit_transform(X)
    np.testing.assert_allclose(angles, np.clip(expected, -np.pi / 2, np.pi / 2), atol=1e-9)


def test_columns_are_the_most_variable_or_the_first():
    X, _ = cases()
    X = X * [1, 5, 1, 9, 1, 1]
    assert ColumnEncoder(2, standardize=False).fit(X).columns_.tolist() == [3, 1]
    assert ColumnEncoder(2).fit(X).columns_.tolist() == [0, 1]


def test_constant_columns_stay_at_zero():
    X = np.column_stack([np.full(20, 0.1), np.arange(20.0)])
    np.testing.assert_allclose(ColumnEncoder(2).fit_transform(X)[:, 1], 0, atol=1e-12)


@pytest.mark.parametrize("continuous", [False, True])
def test_selection_finds_what_matters_once(continuous):
    X, _ = cases(120, 6)
    # Column 1 repeats column 0: one of them is enough.
    X[:, 1] = X[:, 0] + 0.1 * X[:, 1]
    signal = X[:, 0] + X[:, 4]
    chosen = FeatureSelection(2, epochs=120).fit(X, signal if continuous else signal > 0).columns_
    assert set(chosen) in ({0, 4}, {1, 4})


def test_an_autoencoder_starts_at_the_principal_components():
    X, _ = cases()
    steady = Autoencoder(2, epochs=1, learning_rate=1e-12).fit(X)
    np.testing.assert_allclose(steady.transform(X), PCAEncoder(2).fit_transform(X), atol=1e-6)


def test_an_autoencoder_bends_where_a_line_cannot():
    # Along this arc the first component turns back near the end: two points get one code.
    turn = np.linspace(-1.8, 1.2, 60)
    X = np.column_stack([np.cos(turn), np.sin(turn)])

    def unexplained(code):
        curve = np.vander(code.ravel(), 6)
        return np.linalg.norm(X - curve @ np.linalg.lstsq(curve, X, rcond=None)[0])

    bent = Autoencoder(1, span=10, epochs=100, learning_rate=0.01).fit_transform(X)
    assert unexplained(bent) < 0.2 * unexplained(PCAEncoder(1, span=10).fit_transform(X))


def test_a_denoiser_is_an_autoencoder_with_noise():
    assert make_encoder("denoiser", 3).noise == 0.5
    assert make_encoder("autoencoder", 3).noise == 0
    assert make_encoder("denoiser", 3, seed=7).seed == 7


def test_bad_input():
    X, _ = cases()
    with pytest.raises(InvalidValueError, match="`pcaa` is not an encoder: did you mean `pca`?"):
        make_encoder("pcaa", 2)
    with pytest.raises(InvalidValueError, match="`num_qubits` must lie between 1 and n_features = 6, got 8"):
        PCAEncoder(8).fit(X)
    with pytest.raises(InvalidValueError, match="requires y"):
        FeatureSelection(2).fit(X)
    with pytest.raises(ValueError, match="contains NaN"):
        PCAEncoder(2).fit(np.where(X > 2, np.nan, X))
    with pytest.raises(ValueError, match="expecting 6 features"):
        PCAEncoder(2).fit(X).transform(X[:, :5])
