"""Zero-shot classifiers: classes without images are recognised by descriptions.

- attribute_classifier: direct attribute prediction
- class_folds: cross-validation over classes, which chooses strength, scale and calibration
- class_scores: predictions and accuracies from the scores of described classes
- compatibility: compatibility of features and descriptions, trained with fit
- described: base class of classifiers that are fitted in closed form or by a convex search
- eszsl: ESZSL in closed form
- generalized: accuracies of seen and unseen classes, and their harmonic mean
"""
