"""scikit-learn's transformers that are not exported, with the reasons."""

from __future__ import annotations

from skewless.ops.sklearn_step import refuses_sklearn

refuses_sklearn(
    "it encodes a target, and a request has none; a classifier that is exported names its classes itself",
    "preprocessing._label.LabelBinarizer",
    "preprocessing._label.LabelEncoder",
    "preprocessing._label.MultiLabelBinarizer",
)
refuses_sklearn(
    "it takes dictionaries or pairs, and the columns of a bundle are single values",
    "feature_extraction._dict_vectorizer.DictVectorizer",
    "feature_extraction._hash.FeatureHasher",
)
refuses_sklearn(
    "it takes images, and the columns of a bundle are single values",
    "feature_extraction.image.PatchExtractor",
)
refuses_sklearn(
    "it looks for neighbours, or predicts one feature from the others, and last bits decide between them",
    "impute._knn.KNNImputer",
    "impute._iterative.IterativeImputer",
)
refuses_sklearn(
    "it gives a sparse graph over the rows of its fit, not features",
    "neighbors._graph.KNeighborsTransformer",
    "neighbors._graph.RadiusNeighborsTransformer",
)
refuses_sklearn(
    "it evaluates splines by a routine of SciPy's own, whose numbers are not made again here",
    "preprocessing._polynomial.SplineTransformer",
)
refuses_sklearn(
    "it solves a problem of its own for the rows that it is given, so a row's numbers come from an iteration",
    "decomposition._dict_learning.DictionaryLearning",
    "decomposition._dict_learning.MiniBatchDictionaryLearning",
    "decomposition._dict_learning.SparseCoder",
    "decomposition._lda.LatentDirichletAllocation",
    "decomposition._nmf.MiniBatchNMF",
    "decomposition._nmf.NMF",
    "decomposition._sparse_pca.MiniBatchSparsePCA",
    "decomposition._sparse_pca.SparsePCA",
)
refuses_sklearn(
    "it has no transform for new rows, or one by an embedding of the rows of its fit",
    "manifold._classical_mds.ClassicalMDS",
    "manifold._isomap.Isomap",
    "manifold._locally_linear.LocallyLinearEmbedding",
    "manifold._mds.MDS",
    "manifold._spectral_embedding.SpectralEmbedding",
    "manifold._t_sne.TSNE",
)
refuses_sklearn(
    "its numbers are sums of kernels, cosines or inverted matrices, which are not made again here",
    "cross_decomposition._pls.CCA",
    "cross_decomposition._pls.PLSCanonical",
    "cross_decomposition._pls.PLSSVD",
    "decomposition._factor_analysis.FactorAnalysis",
    "decomposition._fastica.FastICA",
    "decomposition._kernel_pca.KernelPCA",
    "kernel_approximation.AdditiveChi2Sampler",
    "kernel_approximation.Nystroem",
    "kernel_approximation.PolynomialCountSketch",
    "kernel_approximation.RBFSampler",
    "kernel_approximation.SkewedChi2Sampler",
    "neural_network._rbm.BernoulliRBM",
    "preprocessing._data.KernelCenterer",
)
refuses_sklearn(
    "it groups features or leaves by means that no other step has, which are not made again here",
    "cluster._agglomerative.FeatureAgglomeration",
    "ensemble._forest.RandomTreesEmbedding",
)
