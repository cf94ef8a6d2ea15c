"""What published scripts of SageMaker's containers import, without the servers and trainers that it came with.

The modules of ``skewless/scripts/container_path`` give it their names: ``sagemaker_containers``,
``sagemaker_inference``, ``sagemaker_training``, ``sagemaker_xgboost_container``, ``sagemaker_algorithm_toolkit`` and
``flask``.
"""
