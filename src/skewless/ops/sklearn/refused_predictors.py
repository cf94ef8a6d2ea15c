"""scikit-learn's predictors that are not exported, with the reasons."""

from __future__ import annotations

from skewless.ops.sklearn_step import refuses_sklearn

refuses_sklearn(
    "it predicts several outputs at once, and an answer has one prediction; fit one model for each",
    "linear_model._coordinate_descent.MultiTaskElasticNet",
    "linear_model._coordinate_descent.MultiTaskElasticNetCV",
    "linear_model._coordinate_descent.MultiTaskLasso",
    "linear_model._coordinate_descent.MultiTaskLassoCV",
    "multioutput.ClassifierChain",
    "multioutput.MultiOutputClassifier",
    "multioutput.MultiOutputRegressor",
    "multioutput.RegressorChain",
)
refuses_sklearn(
    "it has no prediction for new rows",
    "cluster._agglomerative.AgglomerativeClustering",
    "cluster._bicluster.SpectralBiclustering",
    "cluster._bicluster.SpectralCoclustering",
    "cluster._dbscan.DBSCAN",
    "cluster._hdbscan.hdbscan.HDBSCAN",
    "cluster._optics.OPTICS",
    "cluster._spectral.SpectralClustering",
    "covariance._empirical_covariance.EmpiricalCovariance",
    "covariance._graph_lasso.GraphicalLasso",
    "covariance._graph_lasso.GraphicalLassoCV",
    "covariance._robust_covariance.MinCovDet",
    "covariance._shrunk_covariance.LedoitWolf",
    "covariance._shrunk_covariance.OAS",
    "covariance._shrunk_covariance.ShrunkCovariance",
    "neighbors._kde.KernelDensity",
    "neighbors._unsupervised.NearestNeighbors",
)
refuses_sklearn(
    "it keeps the rows of its fit, and solves with matrices as large as these are many",
    "cluster._affinity_propagation.AffinityPropagation",
    "covariance._elliptic_envelope.EllipticEnvelope",
    "gaussian_process._gpc.GaussianProcessClassifier",
    "gaussian_process._gpr.GaussianProcessRegressor",
    "kernel_ridge.KernelRidge",
    "neighbors._lof.LocalOutlierFactor",
    "semi_supervised._label_propagation.LabelPropagation",
    "semi_supervised._label_propagation.LabelSpreading",
)
refuses_sklearn(
    "one of its classes was always there, or never; fit it on rows of several classes",
    "multiclass._ConstantPredictor",
)
