"""Work that runs to an end: training and batch transform; processing comes here too."""
