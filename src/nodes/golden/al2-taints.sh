#!/bin/bash
/etc/eks/bootstrap.sh 'sandbox' \
  --apiserver-endpoint 'https://0123456789ABCDEF0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com' \
  --b64-cluster-ca 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==' \
  --dns-cluster-ip 172.20.0.10 \
  --use-max-pods false \
  --kubelet-extra-args '--max-pods=20 --node-labels=k8s.amazonaws.com/eniConfig=us-west-2a,team= --register-with-taints=dedicated=db:NoSchedule,dedicated=db:NoExecute,spot=:PreferNoSchedule'
