"""The table of contents of all ops, and the tables that their files fill.

A file of ops is imported when one of its ops is looked up, since an instance needs three of a hundred: all of them cost
a fifth of a second and many megabytes. Whoever looks for a reader of an estimator wants them all, and gets them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, TypeVar

from skewless.errors import SettingError
from skewless.lazy import resolve

T = TypeVar("T")

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "als": ("als",),
    "arithmetic": ("coalesce", "math_binary", "math_unary"),
    "assemble": ("vector_assembler",),
    "cluster_trees": ("bisecting_k_means",),
    "clusters": ("k_means",),
    "cosine": ("dct",),
    "counts": ("count_vectorizer", "hashing_term_frequency"),
    "factorization": ("fm_classifier", "fm_regression"),
    "filters": ("multinomial_labeler", "word_filter"),
    "forests": ("gbt_classifier", "gbt_regression", "random_forest_classifier", "random_forest_regression"),
    "glm": ("generalized_linear_regression",),
    "hashing": ("feature_hasher",),
    "idf": ("idf",),
    "impute": ("imputer",),
    "interaction": ("interaction",),
    "isotonic": ("isotonic_regression",),
    "labels": ("reverse_string_indexer", "string_indexer"),
    "linear": ("linear_regression", "linear_svc"),
    "linear_maps": ("pca",),
    "logistic": ("logistic_regression",),
    "lookups": ("regex_indexer", "string_map"),
    "lsh": ("bucketed_random_projection_lsh", "min_hash_lsh"),
    "mixtures": ("gaussian_mixture",),
    "mlp": ("multi_layer_perceptron_classifier",),
    "naive_bayes": ("naive_bayes",),
    "norms": ("normalizer",),
    "one_hot": ("one_hot_encoder",),
    "one_vs_rest": ("one_vs_rest",),
    "own_python": ("skewless.python",),
    "polynomial_features": ("sklearn_polynomial_expansion",),
    "products": ("elementwise_product", "polynomial_expansion"),
    "r_formula": (),
    "scale": ("max_abs_scaler", "min_max_scaler", "standard_scaler"),
    "size_hint": ("vector_size_hint",),
    "sklearn.bayes": ("sklearn_categorical_bayes", "sklearn_gaussian_bayes"),
    "sklearn.bins": ("sklearn_bins", "sklearn_threshold"),
    "sklearn.boosting": ("sklearn_boosted_trees",),
    "sklearn.columns": ("sklearn_slots", "sklearn_stack"),
    "sklearn.combined": ("sklearn_calibrated", "sklearn_combined", "sklearn_finite"),
    "sklearn.constants": ("sklearn_constant", "sklearn_isotonic"),
    "sklearn.densities": ("sklearn_gaussians",),
    "sklearn.distances": ("sklearn_centres", "sklearn_halved_centres", "sklearn_neighbours"),
    "sklearn.encode": ("sklearn_lookup", "sklearn_one_hot"),
    "sklearn.forests": ("sklearn_forest", "sklearn_isolation_forest"),
    "sklearn.functions": ("sklearn_function", "sklearn_near_function"),
    "sklearn.impute": ("sklearn_fill_text", "sklearn_impute", "sklearn_missing"),
    "sklearn.labels": ("sklearn_classes",),
    "sklearn.linear": ("sklearn_linear",),
    "sklearn.machines": ("sklearn_machine", "sklearn_machine_classifier"),
    "sklearn.networks": ("sklearn_network",),
    "sklearn.norm": ("sklearn_normalize",),
    "sklearn.poly": ("sklearn_products",),
    "sklearn.power": ("sklearn_power",),
    "sklearn.project": ("sklearn_project",),
    "sklearn.quantile": ("sklearn_quantiles",),
    "sklearn.refused": (),
    "sklearn.refused_predictors": (),
    "sklearn.scale": ("sklearn_multiply_add", "sklearn_shift_divide"),
    "sklearn.select": ("sklearn_select",),
    "sklearn.text": ("sklearn_hashed_terms", "sklearn_term_counts", "sklearn_tf_idf"),
    "sklearn.xgboost": (),
    "slots": ("chi_sq_selector", "vector_slicer"),
    "sql.op": ("sql",),
    "sql.reader": (),
    "support_vectors": ("support_vector_machine",),
    "survival": ("aft_survival_regression",),
    "target_encode": ("target_encoder",),
    "thresholds": ("binarizer", "bucketizer"),
    "tokens": ("ngram", "regex_tokenizer", "stopwords_remover", "tokenizer"),
    "topics": ("lda_local_model_op",),
    "tree_models": ("decision_tree_classifier", "decision_tree_regression"),
    "vector_index": ("vector_indexer",),
    "word_vectors": ("word_to_vector",),
    "xgboost": ("xgboost.classifier", "xgboost.regression"),
}
"""Each file with ops or readers, by its name below `skewless.ops`, and the names of the ops in it."""

_FILE_OF: Final[Mapping[str, str]] = {op: file for file, ops in FAMILIES.items() for op in ops}


class Entries(Mapping[str, T]):
    """What the files enter, by name; all of them are imported before a look-up."""

    def __init__(self, what: str) -> None:
        """``what`` is what errors call an entry."""
        self.what = what
        self._entered: dict[str, T] = {}

    def enter(self, name: str, entry: T) -> None:
        """Enter what a file has, while it is imported. SettingError where the name is taken."""
        if name in self._entered:
            raise SettingError(f"the {self.what} {name!r} is entered twice")
        self._entered[name] = entry

    def __getitem__(self, name: str) -> T:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> Mapping[str, T]:
        load_all()
        return self._entered


class Ops(Entries[T]):
    """Entries of which only the file with the one that is looked up is imported."""

    def enter(self, name: str, entry: T) -> None:
        """Enter an op. SettingError where the name is taken, or not in the table of contents."""
        if name not in _FILE_OF:
            raise SettingError(f"the {self.what} {name!r} is not in FAMILIES of {__name__}")
        super().enter(name, entry)

    def __getitem__(self, name: str) -> T:
        if name not in self._entered:
            _load(_FILE_OF[name])
        return self._entered[name]

    def __contains__(self, name: object) -> bool:
        return name in _FILE_OF

    def __iter__(self) -> Iterator[str]:
        return iter(_FILE_OF)

    def __len__(self) -> int:
        return len(_FILE_OF)


@cache
def load_all() -> None:
    """Import every file of the table of contents."""
    for file in FAMILIES:
        _load(file)


def _load(file: str) -> None:
    resolve(f"{__package__}.{file}")
