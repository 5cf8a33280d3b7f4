"""Choice among ways to train, learned from measured results on other data sets.

- accuracies: expected accuracy of each strategy, with an interval
- advice: ranking of strategies for a training set, by the policy that the package ships
- descriptors: figures of a labelled training set, from its images and frozen features
- judging: regret of a policy on data sets that it has not seen
- logme: evidence for linear models of the labels (LogME)
- policies: a fixed rule, fixed choices and learned policies
- table: measured accuracies of the strategies on many training sets
"""
